import { Alert, Anchor, Drawer, Group, Paper, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { Hash } from '@/components/hash';
import { QueryView } from '@/components/query-view';
import { rubricQuery } from '@/components/scoring/rubric-query';
import { DASH, dateTime, words } from '@/lib/format';
import { KINDS, resultOf } from '@/viewer';

import { type LabelDetail, type LabelReading, labelQuery } from './api';
import { Attestation } from './attestation';
import { CategoryBadge } from './category-badge';
import { HOW, SCAN } from './wording';

interface Props {
  id: number | null;
  onClose: () => void;
}

/** From a label to the reads behind it. */
export function LabelDrawer({ id, onClose }: Props) {
  return (
    <Drawer opened={id !== null} onClose={onClose} position="right" size="xl" title="Where this label comes from" closeButtonProps={{ 'aria-label': 'Close' }}>
      {id !== null && <Provenance id={id} />}
    </Drawer>
  );
}

function Provenance({ id }: { id: number }) {
  const label = useQuery(labelQuery(id));
  return <QueryView query={label}>{(data) => <Details label={data} />}</QueryView>;
}

function Details({ label }: { label: LabelDetail }) {
  return (
    <Stack>
      <Group gap="sm">
        <Anchor component={Link} to={`/cohort/patients/${label.patient}`} ff="monospace">{label.patient}</Anchor>
        <Text size="sm">{SCAN[label.scan] ?? label.scan}</Text>
        <CategoryBadge category={label.category} />
      </Group>
      <Alert variant="light" p="xs" title={HOW[label.how]?.label ?? words(label.how)}>
        <Text size="sm">{HOW[label.how]?.meaning} Decided {dateTime(label.decided_at)}.</Text>
      </Alert>
      <GradesTable label={label} />
      <Text fw={600} size="sm">Signed reads behind it</Text>
      {label.readings.map((reading) => <Read key={reading.id} reading={reading} scan={label.scan} />)}
      <Attestation id={label.id} />
      {label.consensus && (
        <Paper withBorder p="sm">
          <Text size="sm" fw={600}>Consensus session: {words(label.consensus.outcome).toLowerCase()}</Text>
          <Text size="xs" c="dimmed">
            {label.consensus.proposed_by && `Proposed by ${label.consensus.proposed_by}, ${dateTime(label.consensus.proposed_at)}${quoted(label.consensus.proposed_meaning)} `}
            {label.consensus.closed_by && `Closed by ${label.consensus.closed_by}, ${dateTime(label.consensus.closed_at)}${quoted(label.consensus.closed_meaning)}`}
          </Text>
        </Paper>
      )}
    </Stack>
  );
}

const say = (grade: number | string | null | undefined) => (grade === null || grade === undefined ? DASH : grade === 'not_visible' ? 'not visible' : grade);

/** What a signature said it means; nothing was kept of older ones. */
function quoted(meaning: string): string {
  return meaning ? `: “${meaning}”` : '.';
}

/** Final grade and every read's grade, finding by finding; rows where the reads differ are marked. */
function GradesTable({ label }: { label: LabelDetail }) {
  const rubric = useQuery(rubricQuery);
  const name = (finding: string) => rubric.data?.findings.find(({ key }) => key === finding)?.label ?? words(finding);
  return (
    <Table aria-label="Grades of this scan by read" verticalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Finding</Table.Th>
          <Table.Th scope="col">Final</Table.Th>
          {label.readings.map((reading) => <Table.Th key={reading.id} scope="col">{reading.reader}</Table.Th>)}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody className="tabular">
        {Object.entries(label.grades).map(([finding, grade]) => {
          const differs = new Set(label.readings.map((reading) => String(reading.grades[finding]))).size > 1;
          return (
            <Table.Tr key={finding} bg={differs ? 'yellow.0' : undefined}>
              <Table.Th scope="row" fw={500}>{name(finding)}{differs && <Text span size="xs" c="dimmed"> – differs</Text>}</Table.Th>
              <Table.Td fw={600} title={grade === null ? 'The readers agreed on the category and not on this finding' : undefined}>{say(grade)}</Table.Td>
              {label.readings.map((reading) => <Table.Td key={reading.id}>{say(reading.grades[finding])}</Table.Td>)}
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}

function Read({ reading, scan }: { reading: LabelReading; scan: string }) {
  const category = reading.categories[scan];
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {reading.reader} · {reading.kind === 'adjudication' ? 'adjudication' : 'independent read'}
          {reading.version > 1 && ` · version ${reading.version}`}
        </Text>
        <Group gap="xs">
          {category && <CategoryBadge category={category} />}
          <Anchor size="sm" href={`/api/reads/${reading.id}/sr.zip`} download aria-label={`Download the read of ${reading.reader} as DICOM SR`}>DICOM SR</Anchor>
        </Group>
      </Group>
      {Object.entries(reading.comments).map(([finding, comment]) => (
        <Text key={finding} size="sm">{words(finding)}: {comment}</Text>
      ))}
      {reading.measurements.length > 0 && (
        <Text size="sm" className="tabular">
          {reading.measurements.map((item) => `${KINDS[item.kind].label}: ${resultOf(item)}, slice ${item.slice + 1}`).join('; ')}
        </Text>
      )}
      <Group gap="xs" mt={4}>
        <Text size="xs" c="dimmed">Signed {dateTime(reading.signed_at)} · content</Text>
        <Hash value={reading.content_hash} />
      </Group>
    </Paper>
  );
}
