import { Alert, Badge, Button, Group, List, Paper, Stack, Table, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconDownload, IconMinus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';

import { Hash } from '@/components/hash';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime } from '@/lib/format';

import { attestationQuery } from './api';

/** What the records say about the blinding of one label. */
export function Attestation({ id }: { id: number }) {
  const attestation = useQuery(attestationQuery(id));
  return (
    <Paper withBorder p="sm" component="section" aria-label="Attestation">
      <Group justify="space-between" mb="xs">
        <Text size="sm" fw={600}>Attestation: who could see what, when</Text>
        <Button component="a" href={`/api/labels/${id}/attestation/`} download={`attestation-${id}.json`} variant="default" size="compact-sm" leftSection={<IconDownload size={14} aria-hidden />}>
          JSON
        </Button>
      </Group>
      <QueryView query={attestation}>
        {(data) => (
          <Stack gap="sm">
            <Alert color={data.holds ? 'teal' : 'red'} variant="light" p="xs">
              <Text size="sm">
                {data.holds ? 'No record speaks against the blinding of this label.' : 'The records contradict what this label claims; see below.'}
              </Text>
            </Alert>
            <List size="sm" spacing={4} listStyleType="none" withPadding={false}>
              {data.checks.map((check) => (
                <List.Item key={check.key} icon={<Mark passed={check.passed} />}>
                  {check.text}{check.passed === null && <Text span size="xs" c="dimmed"> – no record speaks</Text>}
                </List.Item>
              ))}
            </List>
            <Table aria-label="Readers of this label" verticalSpacing={4}>
              <Table.Thead>
                <Table.Tr>
                  {['Reader', 'Images opened', 'Signed', 'Could see another’s read from'].map((head) => <Table.Th key={head} scope="col">{head}</Table.Th>)}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.readers.map((row) => (
                  <Table.Tr key={`${row.reader}-${row.kind}`}>
                    <Table.Th scope="row" fw={500}>{row.reader}{row.kind === 'adjudication' && <Badge ml={6} size="xs" variant="light">adjudication</Badge>}</Table.Th>
                    <Table.Td>{row.opened_images.length ? row.opened_images.map((at) => dateTime(at)).join(', ') : DASH}</Table.Td>
                    <Table.Td>{dateTime(row.signed_at)}</Table.Td>
                    <Table.Td>{row.could_see_others_from ? dateTime(row.could_see_others_from) : 'never'}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
            <details>
              <summary><Text span size="sm">Time line of {data.timeline.length} records</Text></summary>
              <Table aria-label="Time line" verticalSpacing={2} mt="xs">
                <Table.Tbody>
                  {data.timeline.map((row, index) => (
                    <Table.Tr key={index}>
                      <Table.Td><Text size="xs">{dateTime(row.at)}</Text></Table.Td>
                      <Table.Td><Text size="xs">{row.who} {row.what}</Text></Table.Td>
                      <Table.Td><Text size="xs" c="dimmed">{row.event === null ? '' : `audit row ${row.event}`}</Text></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </details>
            <Group gap={6}><Text size="xs" c="dimmed">Charter version {data.charter.version} · hash of this attestation</Text><Hash value={data.hash} digits={16} /></Group>
          </Stack>
        )}
      </QueryView>
    </Paper>
  );
}

function Mark({ passed }: { passed: boolean | null }) {
  if (passed === null) return <IconMinus size={16} color="var(--mantine-color-gray-6)" aria-label="No record:" />;
  return passed
    ? <IconCheck size={16} color="var(--mantine-color-teal-8)" aria-label="Holds:" />
    : <IconAlertTriangle size={16} color="var(--mantine-color-red-8)" aria-label="Does not hold:" />;
}
