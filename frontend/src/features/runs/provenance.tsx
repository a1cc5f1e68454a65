import { Anchor, SimpleGrid, Table, Text } from '@mantine/core';
import { Link } from 'react-router';

import { Hash } from '@/components/hash';
import { DASH, dateTime, duration, words } from '@/lib/format';

import type { Run } from './api';
import type { RunResult } from './result';

/** A JSON value as one line. */
export function say(value: unknown): string {
  if (value === null || value === undefined || value === '') return DASH;
  if (Array.isArray(value)) return value.map(say).join(', ');
  if (typeof value === 'object') return Object.entries(value).map(([key, inner]) => `${key} ${say(inner)}`).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a second run of the same manifest, recipe and seed would give. */
function repeats(result: RunResult | null): string {
  if (!result) return DASH;
  const { deterministic, device_type: device } = result.environment;
  if (deterministic !== true) return 'may differ: deterministic algorithms were not asked for';
  return device === 'cpu' ? 'has the same scores, bit for bit, with the same threads and number format on the same kind of CPU' : 'may differ in the last digits: not every GPU operation is deterministic';
}

export function Provenance({ run, result }: { run: Run; result: RunResult | null }) {
  const seconds = Object.entries(result?.seconds ?? {});
  const facts: [string, React.ReactNode][] = [
    ['Label set', <Anchor key="set" component={Link} to={`/label-sets/${run.label_set}`} size="sm">Label set {run.label_set}</Anchor>],
    ['Manifest SHA-256', result?.manifest_sha256 ? <Hash key="hash" value={result.manifest_sha256} digits={16} /> : DASH],
    ['Profile and seed', `${run.profile}, seed ${run.seed}`],
    ['Device', run.device || say(result?.device)],
    ['Code', run.code_version || DASH],
    ['A repeat', repeats(result)],
    ...(result?.onnx_refused ? [['ONNX', `not written: ${result.onnx_refused}`] as [string, string]] : []),
    ['Started', dateTime(run.started_at)],
    ['Finished', dateTime(run.finished_at)],
    ...seconds.map(([stage, value]): [string, React.ReactNode] => [`Time: ${words(stage).toLowerCase()}`, duration(value)]),
    ...Object.entries(result?.environment ?? {}).map(([key, value]): [string, React.ReactNode] => [words(key), say(value)]),
  ];
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Table aria-label="Provenance" verticalSpacing={3}>
        <Table.Tbody>
          {facts.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" fw={500} w={170}>{name}</Table.Th>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <div>
        <Text size="sm" fw={600} mb={4}>Recipe</Text>
        <Table aria-label="Recipe" verticalSpacing={2} horizontalSpacing="xs" fz="xs">
          <Table.Tbody>
            {Object.entries(run.recipe).map(([key, value]) => (
              <Table.Tr key={key}>
                <Table.Th scope="row" fw={500} ff="monospace">{key}</Table.Th>
                <Table.Td ff="monospace" style={{ overflowWrap: 'anywhere' }}>{say(value)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </SimpleGrid>
  );
}
