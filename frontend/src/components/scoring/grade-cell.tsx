import type { Ref } from 'react';

import { type Finding, type Grade, isGraded, type ScanContent, valueOf } from './rubric';
import classes from './scoring.module.css';

interface Props {
  row: Finding;
  scan: ScanContent;
  scanLabel: string;
  current: boolean;
  missing: boolean;
  readOnly?: boolean;
  onCurrent: () => void;
  onGrade: (value: Grade) => void;
  ref?: Ref<HTMLDivElement>;
}

/**
 * The grades of one finding on one scan, side by side.
 *
 * One tab stop for the group: its grades are given by their own keys, and arrows belong to the
 * panel (findings) and the viewer (slices).
 */
export function GradeCell({ row, scan, scanLabel, current, missing, readOnly, onCurrent, onGrade, ref }: Props) {
  const value = valueOf(scan, row.key);
  const graded = isGraded(row.key, scan);
  return (
    <div
      ref={ref}
      role="radiogroup"
      tabIndex={0}
      data-keys
      className={classes.cell}
      aria-label={`${scanLabel}: ${row.label}`}
      aria-invalid={missing || undefined}
      aria-disabled={!graded || readOnly || undefined}
      data-current={current || undefined}
      data-missing={missing || undefined}
      data-value={value ?? ''}
      onFocus={onCurrent}
    >
      {row.grades.map((option) => (
        <button
          key={String(option.value)}
          type="button"
          role="radio"
          tabIndex={-1}
          aria-checked={value === option.value}
          aria-label={`${scanLabel}, ${row.label}: ${option.label}`}
          title={`${option.label}${option.description ? ` – ${option.description}` : ''} (${option.shortcut})`}
          disabled={!graded || readOnly}
          onMouseDown={(event) => {
            // Focus stays with the group, so that the keys go on from here.
            event.preventDefault();
            event.currentTarget.parentElement?.focus();
          }}
          onClick={() => option.value !== null && onGrade(option.value)}
        >
          {option.shortcut === '-' ? '–' : option.shortcut}
        </button>
      ))}
    </div>
  );
}
