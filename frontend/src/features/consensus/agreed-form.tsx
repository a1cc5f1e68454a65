import { Text, TextInput } from '@mantine/core';
import { Fragment, useEffect, useRef } from 'react';

import { GradeCell } from '@/components/scoring/grade-cell';
import { CATEGORY_LABEL, type Content, emptyScan, EXCLUSION, type Grade, labelOf, type Missing } from '@/components/scoring/rubric';

import type { Categories } from './api';
import classes from './consensus.module.css';
import type { Line } from './lines';

interface Props {
  lines: Line[];
  agreed: Content;
  categories: { yours: Categories; theirs: Categories; agreed: Categories };
  scans: { key: string; label: string }[];
  cursor: number;
  missing: Missing[];
  onCursor: (index: number) => void;
  onGrade: (scan: string, row: string, value: Grade) => void;
  onExclusionText: (scan: string, text: string) => void;
}

/** Both reads and the agreed one, line by line, differences first. */
export function AgreedForm({ lines, agreed, categories, scans, cursor, missing, onCursor, onGrade, onExclusionText }: Props) {
  const current = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (document.activeElement?.matches('textarea, input') || document.querySelector('[role="dialog"]')) return;
    current.current?.focus({ preventScroll: true });
    current.current?.scrollIntoView?.({ block: 'nearest' });
  }, [cursor]);
  const differing = lines.filter(({ differs }) => differs).length;
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th scope="col">Finding</th>
          <th scope="col">You</th>
          <th scope="col">Other</th>
          <th scope="col">Agreed</th>
        </tr>
      </thead>
      <tbody>
        {scans.map(({ key, label }) => (
          <tr key={key} className={classes.category}>
            <th scope="row">Category · {label}</th>
            <td>{CATEGORY_LABEL[categories.yours[key] ?? ''] ?? '–'}</td>
            <td>{CATEGORY_LABEL[categories.theirs[key] ?? ''] ?? '–'}</td>
            <td data-testid={`category-${key}`}>{CATEGORY_LABEL[categories.agreed[key] ?? ''] ?? '–'}</td>
          </tr>
        ))}
        {lines.map((line, index) => {
          const { scan, scanLabel, row, yours, theirs, differs, comments } = line;
          const here = index === cursor;
          const entered = agreed[scan] ?? emptyScan();
          return (
            <Fragment key={`${scan}-${row.key}`}>
              {index === 0 && differing > 0 && <Heading text={`You differ (${differing})`} />}
              {index === differing && <Heading text={`You agree (${lines.length - differing})`} />}
              <tr data-current={here || undefined} data-differs={differs || undefined} data-testid={`line-${scan}-${row.key}`}>
                <th scope="row">
                  {row.label} <Text span size="xs" c="gray.5">{scanLabel}</Text>
                  {comments.map(({ who, text }) => (
                    <Text key={who} size="xs" c="gray.4">
                      {who === 'you' ? 'You' : 'Other'}: {text}
                    </Text>
                  ))}
                </th>
                <td>{labelOf(row, yours)}</td>
                <td>{labelOf(row, theirs)}</td>
                <td>
                  <GradeCell
                    ref={here ? current : undefined}
                    row={row}
                    scan={entered}
                    scanLabel={`Agreed ${scanLabel}`}
                    current={here}
                    missing={missing.some((gap) => gap.scan === scan && gap.finding === row.key)}
                    onCurrent={() => {
                      if (!here) onCursor(index);
                    }}
                    onGrade={(value) => onGrade(scan, row.key, value)}
                  />
                  {row.key === EXCLUSION && entered.exclusion_observation === 'other' && (
                    <TextInput
                      size="xs"
                      aria-label={`Which reason, ${scanLabel}`}
                      placeholder="Which reason"
                      required
                      maxLength={2000}
                      value={entered.exclusion_text}
                      onFocus={() => {
                        if (!here) onCursor(index);
                      }}
                      onKeyDown={(event) => {
                        if (event.key === 'Escape') current.current?.focus({ preventScroll: true });
                      }}
                      onChange={(event) => onExclusionText(scan, event.currentTarget.value)}
                    />
                  )}
                </td>
              </tr>
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}

function Heading({ text }: { text: string }) {
  return (
    <tr className={classes.heading}>
      <th scope="rowgroup" colSpan={4}>{text}</th>
    </tr>
  );
}
