import { Anchor, Badge, Button, Group, SegmentedControl, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { PAGE_SIZE, Pager } from '@/components/pager';
import { Panel } from '@/components/panel';
import { figure } from '@/lib/format';

import type { Cell, Prediction } from './api';
import { cellOf } from './confusion';
import { CellLink } from './confusion-panel';

interface Props {
  run: number;
  rows: readonly Prediction[];
  threshold: number;
  exploring: boolean;
  cell: Cell | null;
  onCell: (cell: Cell | null) => void;
}

type Order = 'score' | 'error';

/** Furthest on the wrong side first: the failures worth looking at. */
function wrongness(row: Prediction): number {
  return Math.abs(row.outcome - row.score);
}

export function PatientsPanel({ run, rows, threshold, exploring, cell, onCell }: Props) {
  const [order, setOrder] = useState<Order>('score');
  const [paging, setPaging] = useState<{ cell: Cell | null; page: number }>({ cell, page: 1 });
  const page = paging.cell === cell ? paging.page : 1;
  // At the stored threshold the server's cells stand: cross-validation gives each fold its own.
  const cells = exploring ? rows.map((row) => ({ ...row, cell: cellOf(row, threshold) })) : rows;
  const shown = cells
    .filter((row) => !cell || row.cell === cell)
    .sort((a, b) => (order === 'score' ? b.score - a.score : wrongness(b) - wrongness(a)));
  return (
    <Panel
      title="Test patients"
      hint={exploring ? `Cells at the explored threshold ${figure(threshold)}.` : 'Each opens its image with the saliency map and the label behind its outcome.'}
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Order"
          value={order}
          onChange={(value) => setOrder(value)}
          data={[{ value: 'score', label: 'Highest score' }, { value: 'error', label: 'Worst errors' }]}
        />
      }
    >
      <Group gap={6} mb="xs">
        <Text size="sm">Cell:</Text>
        {(['TP', 'FP', 'FN', 'TN'] as const).map((name) => (
          <Button
            key={name}
            size="compact-xs"
            variant={cell === name ? 'filled' : 'default'}
            aria-pressed={cell === name}
            onClick={() => onCell(cell === name ? null : name)}
          >
            {name} {cells.filter((row) => row.cell === name).length}
          </Button>
        ))}
        {cell && <Button size="compact-xs" variant="subtle" onClick={() => onCell(null)}>All</Button>}
      </Group>
      <DataTable
        caption="Test patients with score and cell"
        rows={shown.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)}
        rowKey={(row) => row.patient}
        empty={cell ? `No ${cell} at this threshold.` : 'No test patient.'}
        columns={[
          {
            key: 'patient',
            header: 'Patient',
            render: (row) => <Anchor component={Link} to={`/runs/${run}/patients/${row.patient}`} ff="monospace" size="sm">{row.patient}</Anchor>,
          },
          { key: 'score', header: 'Score', numeric: true, render: (row) => figure(row.score) },
          { key: 'outcome', header: 'Outcome', render: (row) => (row.outcome ? '1 – deformity' : '0 – none') },
          { key: 'cell', header: 'Cell', render: (row) => <CellLink cell={row.cell} /> },
          {
            key: 'saliency',
            header: 'Saliency',
            render: (row) => (row.saliency ? <Badge variant="outline" color="gray">Map</Badge> : ''),
          },
        ]}
      />
      <Pager total={shown.length} page={page} onPage={(next) => setPaging({ cell, page: next })} noun="patients" />
    </Panel>
  );
}
