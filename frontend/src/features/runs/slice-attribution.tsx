import { Table, Text } from '@mantine/core';

import { PALETTE } from '@/lib/palette';

import type { Saliency } from './api';

/** With its sign: U+2212, as wide as the plus. */
const signed = (value: number, digits: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;

/** How much each input plane speaks for deformity: one map over all planes cannot tell them apart. */
export function SliceAttribution({ saliency }: { saliency: Saliency }) {
  const most = Math.max(...saliency.slices.map(Math.abs), Number.EPSILON);
  return (
    <div>
      <Text size="sm" fw={600}>By slice</Text>
      <Table aria-label="Attribution by slice" verticalSpacing={2} horizontalSpacing={4} fz="xs" className="tabular" withRowBorders={false}>
        <Table.Tbody>
          {saliency.slices.map((fall, index) => (
            <Table.Tr key={saliency.normal_offsets_mm[index] ?? index}>
              <Table.Th scope="row" fw={400} w={66}>{signed(saliency.normal_offsets_mm[index] ?? 0, 1)} mm</Table.Th>
              <Table.Td>
                <div aria-hidden style={{ height: 10, width: `${(100 * Math.abs(fall)) / most}%`, minWidth: 1, background: fall < 0 ? PALETTE.blue : PALETTE.orange }} />
              </Table.Td>
              <Table.Td ta="right" w={48}>{signed(fall, most < 0.1 ? 4 : 2)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed">Fall of the logit when this slice is replaced by the mean of the others; places from the middle of the input, patient’s left positive.</Text>
    </div>
  );
}
