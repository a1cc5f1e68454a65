import { Alert, Anchor, Badge, Button, Container, Group, Paper, Progress, Stack, Table, Text, Title } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { PageLoader } from '@/components/page-loader';
import { consensusDraft } from '@/lib/draft-store';
import { useUnsent } from '@/lib/use-unsent';
import type { components } from '@/types/api';

import { worklistQuery } from './api';

type Worklist = components['schemas']['WorklistOut'];
type Item = Worklist['items'][number];
type ConsensusItem = Worklist['consensus'][number];

/** The reader's own cases by opaque code; the same plain list for every reader. */
export function WorklistPage() {
  const worklist = useQuery(worklistQuery);
  const unsent = useUnsent();
  if (worklist.isError) {
    return <ErrorNotice error={worklist.error} title="Your worklist could not be loaded" onRetry={() => void worklist.refetch()} />;
  }
  if (!worklist.data) return <PageLoader label="Loading your worklist" />;
  const { progress, next, locked, items, consensus } = worklist.data;
  const drafts = items.filter(({ status }) => status === 'draft');
  const open = items.filter(({ status }) => status === 'open');
  const signed = items.filter(({ status }) => status === 'signed');
  return (
    <Container size="md" px={0}>
      <Stack gap="lg">
        <Group justify="space-between" align="flex-end">
          <Title order={1} size="h2">Worklist</Title>
          {next && (
            <Button size="md" component={Link} to={`/read/${next}`} rightSection={<IconArrowRight size={18} aria-hidden />} data-testid="next-case">
              Next case
            </Button>
          )}
        </Group>
        {locked ? (
          <Alert color="orange" variant="light" title="Qualification first">
            {locked} <Anchor component={Link} to="/training" underline="always" inherit>Go to the qualification cases</Anchor>
          </Alert>
        ) : (
          <Standing progress={progress} next={next} empty={items.length === 0} />
        )}
        {!locked && <Anchor component={Link} to="/training" size="sm">Training and qualification</Anchor>}
        {consensus.length > 0 && <ConsensusList items={consensus} unsent={unsent} />}
        <Section title="Drafts to resume" items={drafts} action="Resume" unsent={unsent} />
        <Section title="Still to read" items={open} action="Read" unsent={unsent} />
        <Section title="Signed" items={signed} action="View" unsent={unsent} />
      </Stack>
    </Container>
  );
}

function Standing({ progress: { signed, total }, next, empty }: Pick<Worklist, 'progress' | 'next'> & { empty: boolean }) {
  const label = `${signed} of ${total} cases signed`;
  return (
    <Paper withBorder p="md">
      {empty ? (
        <Text>No cases are assigned to you yet. They appear here when the study lead opens reading.</Text>
      ) : (
        <Stack gap={6}>
          <Text data-testid="progress">{label}</Text>
          <Progress value={total ? (signed / total) * 100 : 0} aria-label={label} />
          {!next && <Text size="sm" c="dimmed">Everything assigned to you is signed. New cases appear here by themselves.</Text>}
        </Stack>
      )}
    </Paper>
  );
}

function Section({ title, items, action, unsent }: { title: string; items: Item[]; action: string; unsent: string[] }) {
  if (items.length === 0) return null;
  return (
    <section aria-label={title}>
      <Title order={2} size="h4" mb={4}>
        {title} <Text span c="dimmed" size="sm">{items.length}</Text>
      </Title>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={80}>Place</Table.Th>
            <Table.Th>Case</Table.Th>
            <Table.Th w={110} />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map(({ code, position, status }) => (
            <Table.Tr key={code} data-testid={`case-${code}`} data-status={status}>
              <Table.Td className="tabular">{position}</Table.Td>
              <Table.Td><CaseCode code={code} kept={unsent.includes(code)} /></Table.Td>
              <Table.Td ta="right">
                <Button component={Link} to={`/read/${code}`} size="compact-sm" variant="light" aria-label={`${action} case ${code}`}>
                  {action}
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

/** Marked where it was left before the server had all of it, or had the answer that the reader chose. */
function CaseCode({ code, kept }: { code: string; kept: boolean }) {
  return (
    <>
      <Text span inherit ff="monospace">{code}</Text>{' '}
      {kept && (
        <Badge variant="light" color="orange" tt="none" ml="xs" data-testid="unsent">Not all on the server: kept in this browser</Badge>
      )}
    </>
  );
}

const CONSENSUS_LABEL: Record<ConsensusItem['status'], { text: string; color: string }> = {
  open: { text: 'Open: no proposal yet', color: 'blue' },
  waiting_for_you: { text: 'Waiting for you', color: 'orange' },
  waiting_for_other: { text: 'Waiting for the other observer', color: 'gray' },
};

function ConsensusList({ items, unsent }: { items: ConsensusItem[]; unsent: string[] }) {
  return (
    <section aria-label="Consensus">
      <Title order={2} size="h4" mb={4}>
        Consensus <Text span c="dimmed" size="sm">{items.length}</Text>
      </Title>
      <Text size="sm" c="dimmed" mb={6}>
        You and the other observer read these differently. Agree on one read, or say that there is no consensus.
      </Text>
      <Table>
        <Table.Tbody>
          {items.map(({ code, status }) => (
            <Table.Tr key={code} data-testid={`consensus-${code}`} data-status={status}>
              <Table.Td><CaseCode code={code} kept={unsent.includes(consensusDraft(code))} /></Table.Td>
              <Table.Td>
                <Badge variant="light" tt="none" color={CONSENSUS_LABEL[status].color}>{CONSENSUS_LABEL[status].text}</Badge>
              </Table.Td>
              <Table.Td ta="right">
                <Button component={Link} to={`/consensus/${code}`} size="compact-sm" variant="light" aria-label={`Open consensus ${code}`}>
                  Open
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
