import { Alert, Anchor, Button, Grid, Group, Progress as Bar, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { Stat } from '@/components/stat';
import { FlowDiagram, flowQuery, quarantineQuery } from '@/features/cohort';
import { labelSetsQuery, labelsQuery } from '@/features/labels';
import { agreementQuery, leadReviewQuery, progressQuery } from '@/features/progress';
import { RunStateBadge, runsQuery } from '@/features/runs';
import { dateTime, duration, figure, interval, percent } from '@/lib/format';

import { nextAction } from './next-action';

/** The lead's start page: composed from the features, none of which knows another. */
export function DashboardPage() {
  return (
    <>
      <PageHeader title="Dashboard" />
      <Stack>
        <Next />
        <Grid>
          <Grid.Col span={{ base: 12, lg: 6 }}><FlowPanel /></Grid.Col>
          <Grid.Col span={{ base: 12, lg: 6 }}>
            <Stack>
              <ReadingPanel />
              <AgreementPanel />
              <RunPanel />
            </Stack>
          </Grid.Col>
        </Grid>
      </Stack>
    </>
  );
}

const NEWEST = { limit: 1, offset: 0, ordering: '-decided_at' };

function Next() {
  const flow = useQuery(flowQuery);
  const progress = useQuery(progressQuery);
  const labels = useQuery(labelsQuery(NEWEST));
  const sets = useQuery(labelSetsQuery);
  const reviews = useQuery(leadReviewQuery);
  const quarantine = useQuery(quarantineQuery);
  const runs = useQuery(runsQuery);
  if (!flow.data || !progress.data || !labels.data || !sets.data || !runs.data) return null;
  const action = nextAction({
    identified: flow.data.steps[0]?.remaining ?? 0,
    included: flow.data.steps.at(-1)?.remaining ?? 0,
    cases: progress.data.cases,
    labels: labels.data.count,
    newestLabel: labels.data.results[0]?.decided_at ?? null,
    labelSet: sets.data[0] ? { frozenAt: sets.data[0].frozen_at } : null,
    leadReview: reviews.data?.length ?? 0,
    quarantined: quarantine.data?.length ?? 0,
    run: runs.data[0] ?? null,
  });
  if (!action) return null;
  return (
    <Alert variant="light" color="ink" p="sm" title="Next">
      <Group justify="space-between">
        <Text size="sm">{action.text}</Text>
        <Button component={Link} to={action.to} size="compact-md" rightSection={<IconArrowRight size={16} aria-hidden />}>{action.label}</Button>
      </Group>
    </Alert>
  );
}

function More({ to, children }: { to: string; children: string }) {
  return <Anchor component={Link} to={to} size="sm">{children}</Anchor>;
}

function FlowPanel() {
  const flow = useQuery(flowQuery);
  return (
    <Panel title="Patient flow" actions={<More to="/cohort">Cohort</More>}>
      <QueryView query={flow}>
        {(data) =>
          (data.steps[0]?.remaining ?? 0) > 0 ? (
            <FlowDiagram diagram={data.diagram} />
          ) : (
            <Text size="sm">Nobody yet. <Anchor component={Link} to="/cohort/import" underline="always">Import the tables and the images</Anchor> to see who can be studied.</Text>
          )
        }
      </QueryView>
    </Panel>
  );
}

function ReadingPanel() {
  const progress = useQuery(progressQuery);
  return (
    <Panel title="Reading" actions={<More to="/progress">Progress</More>}>
      <QueryView query={progress}>
        {({ cases, readers, adjudication_open, consensus_open, adjudication_rate }) => {
          const total = Object.values(cases).reduce((sum, n) => sum + n, 0);
          if (total === 0) return <Text size="sm">Reading has not been opened. Each eligible patient becomes a case for both observers.</Text>;
          return (
            <Stack gap="sm">
              <SimpleGrid cols={4}>
                <Stat label="Final" value={`${cases.final ?? 0} / ${total}`} />
                <Stat label="In consensus" value={consensus_open} />
                <Stat label="Neurosurgeon" value={adjudication_open} />
                <Stat label="Adjudicated" value={percent(adjudication_rate)} />
              </SimpleGrid>
              {readers.map((reader) => (
                <Group key={`${reader.username}-${reader.role}`} gap="sm" wrap="nowrap">
                  <Text size="sm" w={130} truncate>{reader.username}</Text>
                  <Bar
                    value={reader.assigned ? (100 * reader.signed) / reader.assigned : 0}
                    flex={1}
                    aria-label={`${reader.username}: ${reader.signed} of ${reader.assigned} signed`}
                  />
                  <Text size="sm" w={70} ta="right" className="tabular">{reader.signed} / {reader.assigned}</Text>
                </Group>
              ))}
            </Stack>
          );
        }}
      </QueryView>
    </Panel>
  );
}

function AgreementPanel() {
  const agreement = useQuery(agreementQuery);
  return (
    <Panel title="Agreement on the category">
      <QueryView query={agreement}>
        {(data) => {
          const row = data.by.find((item) => item.scan === 'all' && item.finding === 'category');
          if (!row || data.n_cases === 0) return <Text size="sm">Appears when both observers have signed the same case.</Text>;
          return (
            <SimpleGrid cols={3}>
              <Stat label="κ (95 % CI)" value={figure(row.kappa.value, 2)} hint={interval(row.kappa.low, row.kappa.high, 2)} />
              <Stat label="AC1 (95 % CI)" value={figure(row.ac1.value, 2)} hint={interval(row.ac1.low, row.ac1.high, 2)} />
              <Stat label="Agree" value={percent(row.percent_agreement.value)} hint={`${row.n} scans · weighted κ ${figure(row.kappa_weighted?.value, 2)}`} />
            </SimpleGrid>
          );
        }}
      </QueryView>
    </Panel>
  );
}

function RunPanel() {
  const runs = useQuery(runsQuery);
  return (
    <Panel title="Newest run" actions={<More to="/runs">Runs</More>}>
      <QueryView query={runs}>
        {(data) => {
          const run = data[0];
          if (!run) return <Text size="sm">None. Freezing the final labels starts the first by itself.</Text>;
          return (
            <Stack gap="xs">
              <Group gap="sm">
                <Anchor component={Link} to={`/runs/${run.id}`} fw={600}>Run {run.id}</Anchor>
                <RunStateBadge state={run.state} />
                <Text size="xs" c="dimmed">{run.profile} · {dateTime(run.created_at)}</Text>
              </Group>
              {run.auc && <Stat label="AUC (95 % CI)" value={figure(run.auc.value)} hint={interval(run.auc.low, run.auc.high)} />}
              {run.state === 'running' && run.progress.epochs && (
                <div>
                  <Text size="xs">Epoch {run.progress.epoch ?? 0} of {run.progress.epochs}, {duration(run.progress.eta_s)} left</Text>
                  <Bar value={(100 * (run.progress.epoch ?? 0)) / run.progress.epochs} aria-label="Training" />
                </div>
              )}
              {run.state === 'failed' && <Text size="sm" c="red.8">{run.error}</Text>}
            </Stack>
          );
        }}
      </QueryView>
    </Panel>
  );
}
