import { Alert, List, Table, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

import { DASH, figure, interval, percent } from '@/lib/format';

import type { Paper } from './api';
import { figuresOf } from './confusion';
import type { Counts, Figure, Metrics } from './result';

const ROWS: readonly (readonly [key: string, label: string, hint?: string])[] = [
  ['sensitivity', 'Sensitivity'],
  ['specificity', 'Specificity'],
  ['ppv', 'PPV'],
  ['npv', 'NPV'],
  ['accuracy', 'Accuracy'],
  ['f1', 'F1'],
  ['mcc', 'MCC', 'Matthews correlation coefficient'],
  ['balanced_accuracy', 'Balanced accuracy'],
];

interface Props {
  metrics: Metrics;
  counts: Counts;
  exploring: boolean;
  paper: Paper | undefined;
}

/** The run's figures beside the paper's row; off the stored threshold only what the browser can recompute exactly. */
export function MetricsTable({ metrics, counts, exploring, paper }: Props) {
  const table: Record<string, Figure> = exploring ? figuresOf(counts) : metrics.table;
  const disputed = (key: string) => paper?.disputed.includes(key) ?? false;
  const cell = (bounds: Figure['wilson']) => interval(bounds?.[0], bounds?.[1]);
  return (
    <>
      <Table.ScrollContainer type="native" minWidth={560}>
        <Table aria-label="Figures of the run beside the paper's">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Figure</Table.Th>
              <Table.Th scope="col" ta="right">This run</Table.Th>
              <Table.Th scope="col" ta="right">k / n</Table.Th>
              <Table.Th scope="col" ta="right">Wilson 95 %</Table.Th>
              <Table.Th scope="col" ta="right">Clopper–Pearson 95 %</Table.Th>
              <Table.Th scope="col" ta="right">Paper</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody className="tabular">
            <Table.Tr>
              <Table.Th scope="row" fw={500}>AUC</Table.Th>
              <Table.Td ta="right" fw={600}>{figure(metrics.auc?.value)}</Table.Td>
              <Table.Td ta="right">{metrics.positives} / {metrics.n}</Table.Td>
              <Table.Td ta="right" colSpan={2}>{interval(metrics.auc?.low, metrics.auc?.high)} (DeLong)</Table.Td>
              <PaperCell value={paper?.figures.auc} disputed={disputed('auc')} />
            </Table.Tr>
            {ROWS.filter(([key]) => table[key]).map(([key, label, hint]) => {
              const row = table[key];
              return (
                <Table.Tr key={key}>
                  <Table.Th scope="row" fw={500} title={hint}>{label}</Table.Th>
                  <Table.Td ta="right" fw={600}>{figure(row?.value)}</Table.Td>
                  <Table.Td ta="right">{row?.n === undefined ? '' : `${row.k} / ${row.n}`}</Table.Td>
                  <Table.Td ta="right">{row?.n !== undefined && cell(row.wilson)}</Table.Td>
                  <Table.Td ta="right">{row?.n === undefined ? row?.bootstrap && `${cell(row.bootstrap)} (bootstrap)` : exploring ? DASH : cell(row.clopper_pearson)}</Table.Td>
                  <PaperCell value={paper?.figures[key]} disputed={disputed(key)} />
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {!exploring && (
        <Text size="xs" c="dimmed" mt="xs">
          Always calling “no deformity” would be right in {percent(1 - metrics.prevalence, 1)}; against that, exact McNemar p{' '}
          {metrics.mcnemar.p < 0.001 ? '< .001' : `= ${figure(metrics.mcnemar.p)}`} ({metrics.mcnemar.b} patients only the network has right, {metrics.mcnemar.c} only the constant).
        </Text>
      )}
    </>
  );
}

function PaperCell({ value, disputed }: { value: number | undefined; disputed: boolean }) {
  if (value === undefined) return <Table.Td ta="right">{DASH}</Table.Td>;
  return (
    <Table.Td ta="right">
      {disputed ? (
        <Tooltip label="Does not fit the paper’s own counts; see below" withArrow>
          <span tabIndex={0} style={{ whiteSpace: 'nowrap' }}>
            {figure(value, 2)} <IconAlertTriangle size={13} color="#b45309" aria-label="contradicts the paper’s own counts" />
          </span>
        </Tooltip>
      ) : (
        figure(value, 2)
      )}
    </Table.Td>
  );
}

/** What in the paper's table cannot be true together. */
export function PaperFindings({ paper }: { paper: Paper }) {
  return (
    <Alert color="yellow" variant="light" title="The paper’s figures contradict one another" icon={<IconAlertTriangle aria-hidden />}>
      <Text size="sm" mb={4}>{paper.source}. Printed as published; read the reference row with this in mind:</Text>
      <List size="sm" spacing={2}>
        {paper.findings.map((finding) => <List.Item key={finding}>{finding}</List.Item>)}
      </List>
    </Alert>
  );
}
