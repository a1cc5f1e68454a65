import { Alert, Anchor, Button, Container, Group, List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';

import { ConfirmButton } from '@/components/confirm-button';
import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { dateTime, percent, plural, words } from '@/lib/format';

import { type Own, ownQuery, useStartAttempt, useStartTraining } from './api';
import { AttemptState, ResultsTable } from './results-table';

/** A reader's phantoms: to learn on as often as one likes, and to qualify by. */
export function TrainingPage() {
  const own = useQuery(ownQuery);
  return (
    <Container size="md" px={0}>
      <PageHeader
        title="Training and qualification"
        description={<>Phantoms with known truth, read in the ordinary reading room. After signing you see the truth beside your grades. <Anchor component={Link} to="/" inherit underline="always">Worklist</Anchor></>}
      />
      <QueryView query={own}>
        {(data) => (
          <Stack>
            <Standing own={data} />
            <Training cases={data.training} />
            <Qualification own={data} />
          </Stack>
        )}
      </QueryView>
    </Container>
  );
}

function Standing({ own: { required, passed } }: { own: Own }) {
  if (passed) return <Alert color="teal" variant="light" title="You have passed the qualification" role="status" />;
  if (required) {
    return (
      <Alert color="orange" variant="light" title="Qualification first" role="status">
        The study’s charter asks you to pass the qualification cases before your first case.
      </Alert>
    );
  }
  return <Alert color="blue" variant="light" title="The study’s charter does not ask for a qualification; you may take it all the same." role="status" />;
}

function Training({ cases }: { cases: Own['training'] }) {
  const navigate = useNavigate();
  const starting = useStartTraining();
  return (
    <Panel title="Training cases" hint="As often as you like; nobody is told how you did.">
      {starting.isError && <ErrorNotice error={starting.error} title="Not started" />}
      <DataTable
        caption="Training cases"
        rows={cases}
        rowKey={(row) => row.id}
        empty="There are none. The study lead can make some."
        columns={[
          { key: 'place', header: 'Case', render: (row) => `Training case ${row.place}` },
          {
            key: 'signed',
            header: 'Signed so far',
            render: (row) => (
              <Group gap="xs">
                {row.signed.map(({ code, signed_at, right }) => (
                  <Anchor key={code} component={Link} to={`/training/${code}`} size="sm" title={`Signed ${dateTime(signed_at)}`}>{right.k} of {right.n}</Anchor>
                ))}
              </Group>
            ),
          },
          {
            key: 'read',
            header: '',
            numeric: true,
            render: (row) => (
              <Button
                size="compact-sm"
                variant="light"
                loading={starting.isPending && starting.variables === row.id}
                aria-label={`${row.open ? 'Resume' : row.signed.length ? 'Read again' : 'Read'}: training case ${row.place}`}
                onClick={() => starting.mutate(row.id, { onSuccess: ({ code }) => void navigate(`/training/${code}`) })}
              >
                {row.open ? 'Resume' : row.signed.length ? 'Read again' : 'Read'}
              </Button>
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Qualification({ own }: { own: Own }) {
  const navigate = useNavigate();
  const starting = useStartAttempt();
  const open = own.attempts.find(({ state }) => state === 'open');
  return (
    <Panel
      title="Qualification"
      hint={`${own.cases_of_an_attempt} cases of two scans each. To pass, grade at least this share of the scans exactly as the truth is: ${own.marks.map(({ finding, mark }) => `${words(finding).toLowerCase()} ${percent(mark)}`).join(', ')}.`}
      actions={
        !open && (
          <ConfirmButton
            size="compact-md"
            label="Start an attempt"
            title="Start an attempt?"
            confirmLabel="Start"
            disabled={!own.can_start}
            pending={starting.isPending}
            error={starting.error}
            onConfirm={async () => void navigate(`/training/${(await starting.mutateAsync(undefined)).code}`)}
            explanation={
              <List size="sm">
                <List.Item>You get {own.cases_of_an_attempt} cases that you have not read; you may stop and go on later.</List.Item>
                <List.Item>Each is signed once and cannot be changed. The truth is shown after each signature.</List.Item>
                <List.Item>The study lead sees the result of the attempt.</List.Item>
              </List>
            }
          />
        )
      }
    >
      <Stack>
        {!open && !own.can_start && (
          <Text size="sm" c="dimmed">
            {plural(own.fresh_cases, 'case')} that you have not read; an attempt takes {own.cases_of_an_attempt}. Ask the study lead to make more.
          </Text>
        )}
        {own.attempts.map((attempt) => <Attempt key={attempt.id} attempt={attempt} />)}
      </Stack>
    </Panel>
  );
}

function Attempt({ attempt: { id, state, started_at, finished_at, results, reads } }: { attempt: Own['attempts'][number] }) {
  const signed = reads.filter(({ status }) => status === 'signed').length;
  const next = reads.find(({ status }) => status !== 'signed');
  return (
    <section aria-label={`Attempt of ${dateTime(started_at)}`}>
      <Group justify="space-between" mb={4}>
        <Group gap="sm">
          <AttemptState state={state} />
          <Text size="sm">{state === 'open' ? `Started ${dateTime(started_at)}; ${signed} of ${reads.length} signed` : dateTime(finished_at)}</Text>
        </Group>
        {next && <Button component={Link} to={`/training/${next.code}`} size="compact-sm">Go on</Button>}
      </Group>
      {results.length > 0 && <ResultsTable caption={`Results of attempt ${id}`} results={results} />}
      <Group gap="xs">
        {reads.filter(({ status }) => status === 'signed').map(({ code }, index) => (
          <Anchor key={code} component={Link} to={`/training/${code}`} size="xs">Signed case {index + 1}</Anchor>
        ))}
      </Group>
    </section>
  );
}
