import { Badge, Button, Group, NumberInput, Select, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { CsvLink } from '@/components/csv-link';
import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { dateTime, plural } from '@/lib/format';

import { type Overview, overviewQuery, useMakeCases } from './api';
import { AttemptState, ResultsTable } from './results-table';

/** Who passed, when, and how by finding; and the phantoms there are to read. */
export function QualificationPage() {
  const overview = useQuery({
    ...overviewQuery,
    refetchInterval: ({ state }) => (state.data?.cases.some(({ waiting }) => waiting > 0) ? 3_000 : false),
  });
  return (
    <>
      <PageHeader title="Qualification" description="Readers on phantoms with known truth. Nothing of it counts in the study’s agreement, labels, flow or exports; scored cases feed the drift chart." />
      <QueryView query={overview}>
        {(data) => (
          <Stack>
            <Readers overview={data} />
            <Attempts attempts={data.attempts} />
            <Cases cases={data.cases} />
          </Stack>
        )}
      </QueryView>
    </>
  );
}

function Readers({ overview: { required, readers, cases_of_an_attempt: needed } }: { overview: Overview }) {
  return (
    <Panel title="Readers" hint={required ? 'The charter asks every reader to pass before their first case.' : 'The charter does not ask for it; the setting is “Qualification first”.'}>
      <DataTable
        caption="Readers"
        rows={readers}
        rowKey={(row) => row.reader}
        empty="There are no active readers."
        columns={[
          { key: 'reader', header: 'Reader', render: (row) => row.reader },
          { key: 'role', header: 'Role', render: (row) => (row.role === 'adjudicator' ? 'Neurosurgeon' : 'Observer') },
          { key: 'passed', header: 'Qualified', render: (row) => <Badge variant="light" tt="none" color={row.passed ? 'teal' : 'gray'}>{row.passed ? 'passed' : 'not yet'}</Badge> },
          { key: 'fresh', header: 'Cases not read', numeric: true, render: (row) => `${row.fresh_cases}${row.fresh_cases < needed ? ' (too few for an attempt)' : ''}` },
        ]}
      />
    </Panel>
  );
}

function Attempts({ attempts }: { attempts: Overview['attempts'] }) {
  return (
    <Panel title="Attempts" hint="Newest first." actions={<CsvLink name="qualification" label="results by finding" />}>
      {attempts.length === 0 && <Text size="sm" c="dimmed">Nobody has started one.</Text>}
      <Stack>
        {attempts.map((one) => (
          <section key={one.id} aria-label={`Attempt ${one.id} of ${one.reader}`}>
            <Group gap="sm" mb={4}>
              <Text size="sm" fw={600}>{one.reader}</Text>
              <AttemptState state={one.state} />
              <Text size="sm">{one.state === 'open' ? `Started ${dateTime(one.started_at)}; ${one.signed} of ${one.cases} signed` : dateTime(one.finished_at)}</Text>
            </Group>
            {one.results.length > 0 && <ResultsTable caption={`Results of ${one.reader}, attempt ${one.id}`} results={one.results} />}
          </section>
        ))}
      </Stack>
    </Panel>
  );
}

const PURPOSES = [
  { value: 'qualification', label: 'Qualification' },
  { value: 'training', label: 'Training' },
] as const;
type Purpose = (typeof PURPOSES)[number]['value'];

function Cases({ cases }: { cases: Overview['cases'] }) {
  const [purpose, setPurpose] = useState<Purpose>('qualification');
  const [count, setCount] = useState<number | string>(12);
  const [seed, setSeed] = useState<number | string>(1);
  const making = useMakeCases();
  return (
    <Panel title="Phantom cases" hint="A reader meets a qualification case once, so a second attempt needs fresh ones. Drawing takes some three seconds a case, in the background.">
      <Stack>
        <DataTable
          caption="Phantom cases"
          rows={cases}
          rowKey={(row) => row.purpose}
          columns={[
            { key: 'purpose', header: 'For', render: (row) => PURPOSES.find(({ value }) => value === row.purpose)?.label },
            { key: 'ready', header: 'Ready', numeric: true, render: (row) => row.ready },
            { key: 'waiting', header: 'Being drawn', numeric: true, render: (row) => row.waiting },
          ]}
        />
        <form
          onSubmit={(event) => {
            event.preventDefault();
            making.mutate({ purpose, count: Number(count), seed: Number(seed) }, {
              onSuccess: ({ made }) => notifications.show({ color: 'teal', message: `${plural(made, 'case')} will be ready in a moment.` }),
            });
          }}
        >
          {making.isError && <ErrorNotice error={making.error} title="Not made" />}
          <Group align="flex-end">
            <Select label="For" data={PURPOSES} value={purpose} allowDeselect={false} onChange={(value) => value && setPurpose(value)} w={160} />
            <NumberInput label="Cases" value={count} onChange={setCount} min={1} max={600} step={purpose === 'training' ? 1 : 6} allowDecimal={false} w={110} />
            <NumberInput label="Seed" value={seed} onChange={setSeed} min={0} allowDecimal={false} w={130} />
            <Button type="submit" loading={making.isPending}>Make cases</Button>
          </Group>
        </form>
      </Stack>
    </Panel>
  );
}
