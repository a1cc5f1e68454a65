import { Alert, Badge, Button, Group, SegmentedControl, Slider, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';

import { figure } from '@/lib/format';

import type { Cell } from './api';
import classes from './confusion-panel.module.css';
import type { Counts } from './result';

interface Props {
  counts: Counts;
  threshold: number;
  stored: number;
  /** Cross-validation: each patient is judged at its folds' own thresholds, and `stored` is only their mean. */
  perFold: boolean;
  exploring: boolean;
  onThreshold: (threshold: number) => void;
  /** Cell whose patients are listed. */
  cell: Cell | null;
  onCell: (cell: Cell | null) => void;
}

const NAMES: Record<Cell, string> = {
  TP: 'True positive', FP: 'False positive', TN: 'True negative', FN: 'False negative',
};

export function ConfusionPanel({ counts, threshold, stored, perFold, exploring, onThreshold, cell, onCell }: Props) {
  const box = (name: Cell, right: boolean) => {
    const n = counts[name.toLowerCase() as keyof Counts];
    return (
      <td className={right ? classes.right : classes.wrong}>
        <button
          type="button"
          aria-pressed={cell === name}
          className={classes.cell}
          onClick={() => onCell(cell === name ? null : name)}
        >
          <span className={classes.n}>{n}</span>
          <span>{NAMES[name]}</span>
        </button>
      </td>
    );
  };
  return (
    <Stack>
      <table className={classes.matrix} aria-label="Confusion matrix of the test patients; each cell lists its patients">
        <thead>
          <tr><td /><th scope="col">Called positive</th><th scope="col">Called negative</th></tr>
        </thead>
        <tbody>
          <tr><th scope="row">Developed deformity</th>{box('TP', true)}{box('FN', false)}</tr>
          <tr><th scope="row">Did not</th>{box('FP', false)}{box('TN', true)}</tr>
        </tbody>
      </table>
      <div>
        <Group justify="space-between" mb={4}>
          <Text size="sm" fw={600} id="threshold-label">{perFold && !exploring ? 'Mean threshold of the folds' : 'Threshold'} {figure(threshold)}</Text>
          {exploring ? <Badge color="yellow" c="dark.8">Exploring – not a result</Badge> : <Badge variant="light" color="teal">{perFold ? 'Folds’ own thresholds' : 'Stored threshold'}</Badge>}
        </Group>
        <Slider
          aria-labelledby="threshold-label"
          thumbLabel="Threshold"
          min={0}
          max={1}
          step={0.001}
          value={threshold}
          onChange={onThreshold}
          label={(value) => value.toFixed(3)}
          color={exploring ? 'yellow' : undefined}
          marks={[{ value: stored }, { value: 0.5 }]}
          mb="xs"
        />
        <Group gap="xs">
          <SegmentedControl
            size="xs"
            aria-label="Jump to a threshold"
            value={threshold === stored ? 'stored' : threshold === 0.5 ? 'half' : 'other'}
            onChange={(value) => onThreshold(value === 'half' ? 0.5 : stored)}
            data={[{ value: 'stored', label: perFold ? 'Folds’ own' : `Stored ${figure(stored)}` }, { value: 'half', label: '0.5' }, ...(threshold !== stored && threshold !== 0.5 ? [{ value: 'other', label: 'Moved', disabled: true }] : [])]}
          />
          {exploring && <Button size="compact-xs" variant="default" onClick={() => onThreshold(stored)}>{perFold ? 'Back to the folds’ own' : 'Back to the stored one'}</Button>}
        </Group>
      </div>
      {perFold && !exploring && (
        <Text size="xs" c="dimmed">
          The matrix uses each fold’s own threshold; {figure(stored)} is their mean and was never applied. Moving the slider takes one threshold for all.
        </Text>
      )}
      {exploring && (
        <Alert color="yellow" p="xs" role="status">
          <Text size="xs">
            Counts and figures here are recomputed in your browser from the stored scores at {figure(threshold)}{perFold ? ', one threshold for all folds' : ''}. The
            run’s result is the one at {perFold ? 'the folds’ own thresholds' : 'the stored threshold'}, fixed on training patients; a threshold chosen by looking at test patients is too optimistic.
          </Text>
        </Alert>
      )}
    </Stack>
  );
}

export function CellLink({ cell, to }: { cell: Cell; to?: string }) {
  const right = cell === 'TP' || cell === 'TN';
  const badge = <Badge variant={right ? 'light' : 'filled'} color={right ? 'blue' : '#a63c00'} title={NAMES[cell]}>{cell}</Badge>;
  return to ? <Link to={to}>{badge}</Link> : badge;
}

