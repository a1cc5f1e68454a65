import { ActionIcon, Button, Group, Text, Textarea, TextInput } from '@mantine/core';
import { IconMapPin } from '@tabler/icons-react';
import type { KeyboardEvent, RefObject } from 'react';

import { exampleOf } from '@/components/scoring/examples';
import {
  type Content, EXCLUSION, type Finding, type Grade, type GradeOption, isFinding, isGraded, type ScanContent, setComment,
  setExclusionText, keySeries, toggleKeySlice, valueOf,
} from '@/components/scoring/rubric';
import type { ViewerHandle } from '@/viewer';

import { type Proposal } from './proposal';
import { ProposalNote } from './proposal-note';
import classes from './reading.module.css';
import type { TextField } from './reading-room';

interface Props {
  row: Finding;
  scan: ScanContent;
  scanKey: string;
  scanLabel: string;
  proposal: Proposal | null;
  /** Copies the grade of the first scan, or all of them, to the second; null where there is one. */
  same: { label: string; off: boolean; copy: () => void; allOff: boolean; copyAll: () => void } | null;
  readOnly: boolean;
  /** Phantom pictures of the grades are shown. */
  examples: boolean;
  onExamples: () => void;
  commentRef: RefObject<TextField | null>;
  viewer: RefObject<ViewerHandle | null>;
  /** Esc in a text field: the keys go back to the grades. */
  onLeave: () => void;
  onGrade: (value: Grade) => void;
  /** Changes with one `merge` name in a row are undone as one. */
  onEdit: (change: (content: Content) => Content, merge?: string) => void;
}

const WORDING = 'wording-of-the-grades';

/** The wording of the grades of the finding in hand, with pictures on demand, and what the reader has to say about it. */
export function FindingDetails({ row, scan, scanKey, scanLabel, proposal, same, readOnly, examples, onExamples, commentRef, viewer, onLeave, onGrade, onEdit }: Props) {
  const value = valueOf(scan, row.key);
  const slice = scan.key_slices[row.key];
  const off = readOnly || !isGraded(row.key, scan);
  const leave = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onLeave();
  };
  const illustrated = row.grades.some((option) => exampleOf(row.key, option.value));
  return (
    <section className={classes.details} aria-label={`${scanLabel}: ${row.label}`}>
      <Group justify="space-between" wrap="nowrap" gap={6}>
        <Text fw={600} size="sm">
          {row.label} <Text span c="gray.5" fw={400}>· {scanLabel}</Text>
        </Text>
        {illustrated && (
          <Button size="compact-xs" variant={examples ? 'light' : 'default'} aria-expanded={examples} aria-controls={WORDING} aria-keyshortcuts="H" onClick={onExamples}>
            Examples (H)
          </Button>
        )}
      </Group>
      {row.help && <Text size="xs" c="gray.4">{row.help}</Text>}
      {proposal && <ProposalNote proposal={proposal} row={row} readOnly={readOnly} onAccept={() => onGrade(proposal.grade)} />}
      <ul id={WORDING} className={classes.wording} data-examples={(examples && illustrated) || undefined}>
        {row.grades.map((option) => (
          <li key={String(option.value)} data-chosen={option.value === value || undefined}>
            <button type="button" disabled={off} tabIndex={-1} onClick={() => option.value !== null && onGrade(option.value)}>
              {examples && <Picture row={row} option={option} />}
              <kbd>{option.shortcut === '-' ? '–' : option.shortcut}</kbd>
              <span>
                <b>{option.label}</b> <small>{option.description}</small>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {row.key === EXCLUSION && value === 'other' && (
        <TextInput
          ref={commentRef}
          size="xs"
          label="Which reason (C)"
          required
          maxLength={2000}
          disabled={readOnly}
          value={scan.exclusion_text}
          onKeyDown={leave}
          onChange={(event) => {
            const text = event.currentTarget.value;
            onEdit((content) => setExclusionText(content, scanKey, text), `reason ${scanKey}`);
          }}
        />
      )}
      <Group gap={6} mt={4}>
        {isFinding(row.key) && (
          <>
            <Button
              size="compact-xs"
              variant={slice === undefined ? 'default' : 'light'}
              disabled={off}
              aria-keyshortcuts="K"
              onClick={() => {
                const shown = viewer.current?.drawnSlice(scanKey);
                if (shown != null) onEdit((content) => toggleKeySlice(content, scanKey, row.key, shown));
              }}
            >
              {slice === undefined ? 'Mark key slice (K)' : `Key slice ${slice + 1}${keySeries(scan, row.key) ? `, series ${keySeries(scan, row.key) + 1}` : ''}`}
            </Button>
            {slice !== undefined && (
              <ActionIcon size="sm" variant="subtle" aria-label="Go to the key slice" aria-keyshortcuts="G" onClick={() => viewer.current?.goTo(slice, scanKey, keySeries(scan, row.key))}>
                <IconMapPin size={16} aria-hidden />
              </ActionIcon>
            )}
          </>
        )}
        {same && (
          <>
            <Button size="compact-xs" variant="default" disabled={same.off} aria-keyshortcuts="S" onClick={same.copy}>
              {same.label}
            </Button>
            <Button size="compact-xs" variant="default" disabled={same.allOff} aria-keyshortcuts="Shift+S" onClick={same.copyAll}>
              All findings (Shift S)
            </Button>
          </>
        )}
      </Group>
      {isFinding(row.key) && (
        <Textarea
          ref={commentRef}
          size="xs"
          mt={6}
          aria-label={`Comment on ${row.label}, ${scanLabel}`}
          placeholder="Comment (C)"
          autosize
          minRows={1}
          maxRows={4}
          maxLength={2000}
          disabled={off}
          value={scan.comments[row.key] ?? ''}
          onKeyDown={leave}
          onChange={(event) => {
            const text = event.currentTarget.value;
            onEdit((content) => setComment(content, scanKey, row.key, text), `comment ${scanKey} ${row.key}`);
          }}
        />
      )}
    </section>
  );
}

/** A phantom with this grade; the button it stands in gives the grade. */
function Picture({ row, option }: { row: Finding; option: GradeOption }) {
  const source = exampleOf(row.key, option.value);
  return source ? <img src={source} width={240} height={240} alt={`Phantom: ${row.label}, ${option.label}.`} /> : null;
}
