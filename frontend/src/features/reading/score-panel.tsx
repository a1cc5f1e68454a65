import { Badge, Text } from '@mantine/core';
import { Fragment, type RefObject, useEffect, useRef } from 'react';

import { AsideNote } from '@/components/scoring/aside-note';
import type { FormHistory } from '@/components/scoring/form-history';
import { GradeCell } from '@/components/scoring/grade-cell';
import {
  CATEGORY_LABEL, type Content, emptyScan, type Finding, type Grade, isUnreadable, type Missing, type Rubric, valueOf,
} from '@/components/scoring/rubric';
import type { Measurement, ViewerHandle } from '@/viewer';

import type { Categories, Feedback } from './api';
import { FeedbackTable } from './feedback-table';
import { FindingDetails } from './finding-details';
import { MeasurementList } from './measurement-list';
import { PROPOSED_FINDING, proposalFor } from './proposal';
import classes from './reading.module.css';
import type { Cursor, Edit, TextField } from './reading-room';

interface Props {
  rubric: Rubric;
  rows: Finding[];
  scans: { key: string; label: string }[];
  history: FormHistory;
  content: Content;
  categories: Categories;
  /** The categories belong to what is on screen. */
  settled: boolean;
  measurements: Measurement[];
  cursor: Cursor;
  missing: Missing[];
  feedback: Feedback | null;
  readOnly: boolean;
  examples: boolean;
  onExamples: () => void;
  commentRef: RefObject<TextField | null>;
  viewer: RefObject<ViewerHandle | null>;
  onCursor: (cursor: Cursor) => void;
  onGrade: (scan: string, row: string, value: Grade) => void;
  /** Copies the first scan's grade of a finding, or of all, to the second. */
  onSame: (row: string, all: boolean) => void;
  onEdit: (change: (content: Content) => Content, done: Edit) => void;
}

/** The form, made from the rubric: findings down, scans across. */
export function ScorePanel({
  rubric, rows, scans, history, content, categories, settled, measurements, cursor, missing, feedback, readOnly, examples, onExamples,
  commentRef, viewer, onCursor,
  onGrade, onSame, onEdit,
}: Props) {
  const current = useRef<HTMLDivElement>(null);
  useEffect(() => {
    current.current?.scrollIntoView?.({ block: 'nearest' });
    if (!cursor.focus) return undefined;
    let frame = 0;
    // The cursor moves the focus where the reader sent it, from a point of a measurement too, whose arrows would
    // go on changing it; but never out of a text field or a dialog, which is there until it has faded.
    const take = () => {
      if (document.querySelector('[role="dialog"]')) frame = requestAnimationFrame(take);
      else if (!document.activeElement?.matches('textarea, input')) current.current?.focus({ preventScroll: true });
    };
    take();
    return () => cancelAnimationFrame(frame);
  }, [cursor]);
  const row = rows[cursor.row];
  const [first, second] = scans;
  return (
    <aside className={classes.panel} aria-label="Scores">
      {feedback && <FeedbackTable feedback={feedback} rows={rows} scans={scans} />}
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Finding</th>
            {scans.map(({ key, label }) => (
              <th key={key} scope="col" data-active={key === cursor.scan || undefined}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((finding, index) => (
            <Fragment key={finding.key}>
              {finding.group_label && finding.group_label !== rows[index - 1]?.group_label && (
                <tr className={classes.group}>
                  <th scope="rowgroup" colSpan={scans.length + 1}>
                    {finding.group_label}
                  </th>
                </tr>
              )}
              <tr data-current={index === cursor.row || undefined} data-testid={`row-${finding.key}`}>
                <th scope="row" data-grouped={Boolean(finding.group_label) || undefined}>
                  {finding.label}
                </th>
                {scans.map(({ key, label }) => {
                  const here = index === cursor.row && key === cursor.scan;
                  return (
                    <td key={key}>
                      <GradeCell
                        ref={here ? current : undefined}
                        row={finding}
                        scan={content[key] ?? emptyScan()}
                        scanLabel={label}
                        current={here}
                        missing={missing.some((gap) => gap.scan === key && gap.finding === finding.key)}
                        readOnly={readOnly}
                        onCurrent={() => {
                          if (!here) onCursor({ scan: key, row: index });
                        }}
                        onGrade={(value) => onGrade(key, finding.key, value)}
                      />
                      <Marks content={content} scan={key} row={finding.key} />
                    </td>
                  );
                })}
              </tr>
            </Fragment>
          ))}
          <tr className={classes.categories}>
            <th scope="row">Category</th>
            {scans.map(({ key }) => (
              <td key={key} aria-live="polite" data-testid={`category-${key}`} data-settled={settled || undefined}>
                <Category value={isUnreadable(content[key] ?? emptyScan()) ? 'unreadable' : (categories[key] ?? null)} settled={settled} />
              </td>
            ))}
          </tr>
        </tbody>
      </table>
      <AsideNote history={history} content={content} rubric={rubric} scans={scans} />
      {missing.length > 0 && (
        <Text role="alert" size="sm" c="yellow.4" px="sm" pt={6}>
          {missing.length === 1 ? 'One finding is' : `${missing.length} findings are`} missing before you can sign.
        </Text>
      )}
      {row && (
        <FindingDetails
          key={`${cursor.scan}-${row.key}`}
          row={row}
          scan={content[cursor.scan] ?? emptyScan()}
          scanKey={cursor.scan}
          scanLabel={scans.find(({ key }) => key === cursor.scan)?.label ?? ''}
          proposal={row.key === PROPOSED_FINDING ? proposalFor(cursor.scan, content, measurements) : null}
          same={
            first && second && row
              ? {
                  label: `${second.label} same as ${first.label.toLowerCase()} (S)`,
                  off: readOnly || valueOf(content[first.key] ?? emptyScan(), row.key) === null,
                  copy: () => onSame(row.key, false),
                  allOff: readOnly || Object.keys(content[first.key]?.grades ?? {}).length === 0,
                  copyAll: () => onSame(row.key, true),
                }
              : null
          }
          readOnly={readOnly}
          examples={examples}
          onExamples={onExamples}
          commentRef={commentRef}
          viewer={viewer}
          onLeave={() => current.current?.focus({ preventScroll: true })}
          onGrade={(value) => onGrade(cursor.scan, row.key, value)}
          onEdit={(change, merge) => onEdit(change, { scan: cursor.scan, row: row.key, merge })}
        />
      )}
      <MeasurementList measurements={measurements} scans={scans} viewer={viewer} readOnly={readOnly} />
    </aside>
  );
}

/** Small signs that a finding has a key slice or a comment. */
function Marks({ content, scan, row }: { content: Content; scan: string; row: string }) {
  const entered = content[scan];
  const slice = entered?.key_slices[row];
  return (
    <span className={classes.marks}>
      {slice !== undefined && <span title="Key slice">◆{slice + 1}</span>}
      {entered?.comments[row] && <span title={entered.comments[row]} aria-label="has a comment">✎</span>}
    </span>
  );
}

const CATEGORY_COLOUR: Record<string, string> = { case: 'orange', intermediate: 'yellow', clean: 'blue', unreadable: 'gray' };

function Category({ value, settled }: { value: string | null; settled: boolean }) {
  if (!value) return <Text size="sm" c="gray.5">–</Text>;
  return (
    <Badge variant="outline" color={CATEGORY_COLOUR[value]} tt="none" size="lg" style={{ opacity: settled ? 1 : 0.6 }}>
      {CATEGORY_LABEL[value] ?? 'Unreadable'}
    </Badge>
  );
}
