import { Table, Text } from '@mantine/core';

import { CATEGORY_LABEL, type Finding, labelOf } from '@/components/scoring/rubric';

import type { Feedback } from './api';

interface Props {
  feedback: Feedback;
  rows: Finding[];
  scans: { key: string; label: string }[];
}

const CATEGORY = 'category';

/** One's own grade beside the phantom's truth, finding by finding, for both scans. */
export function FeedbackTable({ feedback, rows, scans }: Props) {
  const scored = feedback.filter((one) => one.scored);
  const right = scored.filter((one) => one.yours === one.truth).length;
  const findings = [...rows.filter(({ key }) => feedback.some((one) => one.finding === key)), null];
  return (
    <section aria-label="Your grades and the truth">
      <Text size="sm" fw={600} px="sm" pt="xs" role="status">
        {right} of {scored.length} findings graded as the truth
      </Text>
      <Table withRowBorders={false} verticalSpacing={2} fz="sm" aria-label="Your grades and the truth">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Finding</Table.Th>
            {scans.map(({ key, label }) => <Table.Th key={key} scope="col">{label}</Table.Th>)}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {findings.map((row) => (
            <Table.Tr key={row?.key ?? CATEGORY}>
              <Table.Th scope="row" fw={400}>{row?.label ?? 'Category'}</Table.Th>
              {scans.map(({ key }) => {
                const one = feedback.find(({ scan, finding }) => scan === key && finding === (row?.key ?? CATEGORY));
                return <Table.Td key={key}>{one && <Compared one={one} row={row} />}</Table.Td>;
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

function Compared({ one, row }: { one: Feedback[number]; row: Finding | null }) {
  const say = (value: string | number | null) =>
    value === null ? 'no grade' : row ? labelOf(row, value) : (CATEGORY_LABEL[value] ?? String(value));
  if (one.yours === one.truth) return <Text size="sm" c="teal.4">✓ {say(one.truth)}</Text>;
  return (
    <Text size="sm" c={one.scored || !row ? 'orange.4' : 'gray.5'}>
      ✗ {say(one.yours)}; truth: {say(one.truth)}
      {one.difference !== null && ` (${Math.abs(one.difference)} too ${one.difference > 0 ? 'high' : 'low'})`}
      {row && !one.scored && ' (not counted)'}
    </Text>
  );
}
