import { Alert, Button, Group, List, NumberInput, Select, SimpleGrid, Stack, Switch, Table, Text, Textarea } from '@mantine/core';
import { useDebouncedValue, useSessionStorage } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { ConfirmButton } from '@/components/confirm-button';
import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { plural } from '@/lib/format';

import { type CharterCheck, type CharterOverview, checkQuery, type Terms, useFreezeCharter } from './api';
import { changesOf, CHOICES, describeTerm, EDITABLE, SHARES, TERMS } from './terms';

/** Draft the next version, see what it implies, freeze it. The draft outlives a reload, in this tab alone. */
export function DraftCharter({ overview }: { overview: CharterOverview }) {
  const base = overview.proposed;
  const [changes, setChanges] = useSessionStorage<Partial<Terms>>({ key: 'charter-draft', defaultValue: {} });
  const [reason, setReason] = useState('');
  const draft = { ...base, ...changes };
  const changed = changesOf(base, draft);
  const [settled] = useDebouncedValue(changed, 300);
  const check = useQuery(checkQuery(settled));
  const freezing = useFreezeCharter();
  const version = (overview.current?.version ?? 0) + 1;
  const set = (key: keyof Terms, value: Terms[keyof Terms]) => setChanges({ ...changes, [key]: value });
  const fits = check.data !== undefined && check.data.problems.length === 0 && !check.isPlaceholderData;
  return (
    <Panel
      title={`Draft of version ${version}`}
      hint="Nothing counts until it is frozen. The draft is kept in this browser tab."
      actions={
        <>
          <Button variant="default" size="compact-md" disabled={Object.keys(changed).length === 0} onClick={() => setChanges({})}>Discard changes</Button>
          <ConfirmButton
            size="compact-md"
            label={`Freeze version ${version}`}
            title={`Freeze version ${version} of the charter?`}
            confirmLabel="Freeze"
            disabled={!fits}
            ready={!overview.current || Boolean(reason.trim())}
            pending={freezing.isPending}
            error={freezing.error}
            onConfirm={async () => {
              const frozen = await freezing.mutateAsync({ terms: changed, reason: reason.trim() });
              notifications.show({ color: 'teal', message: `Version ${frozen.version} is frozen.` });
              setChanges({});
              setReason('');
            }}
            explanation={
              <Stack gap="xs">
                <Text size="sm">A frozen version never changes. Cases that are open keep theirs; new cases follow this one.</Text>
                {check.data && <Differences check={check.data} />}
                <Textarea
                  label={overview.current ? 'Reason for the change' : 'Reason (optional for the first version)'}
                  required={Boolean(overview.current)}
                  value={reason}
                  onChange={(event) => setReason(event.currentTarget.value)}
                  autosize
                  minRows={2}
                />
              </Stack>
            }
          />
        </>
      }
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {EDITABLE.map((key) => (
            <Term key={key} name={key} value={draft[key] ?? null} fixed={key === 'read_design' && overview.current !== null} onChange={(value) => set(key, value)} />
          ))}
        </SimpleGrid>
        {check.isError && <ErrorNotice error={check.error} onRetry={() => void check.refetch()} />}
        {check.data && <Implied check={check.data} />}
      </Stack>
    </Panel>
  );
}

interface TermProps {
  name: keyof Terms;
  value: Terms[keyof Terms];
  fixed: boolean;
  onChange: (value: Terms[keyof Terms]) => void;
}

function Term({ name, value, fixed, onChange }: TermProps) {
  const label = TERMS[name]?.label ?? name;
  const description = fixed ? 'Fixed since reading has started.' : TERMS[name]?.meaning;
  const choices = CHOICES[name];
  if (typeof value === 'boolean') {
    return <Switch label={label} description={description} checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />;
  }
  if (choices) {
    return (
      <Select
        label={label}
        description={description}
        data={choices.map((choice) => ({ value: choice, label: describeTerm(name, choice) }))}
        value={String(value)}
        disabled={fixed}
        onChange={(choice) => choice && onChange(choice as Terms[keyof Terms])}
        allowDeselect={false}
      />
    );
  }
  const isShare = SHARES.has(name);
  return (
    <NumberInput
      label={label}
      description={description}
      value={typeof value === 'number' ? (isShare ? Math.round(1000 * value) / 10 : value) : ''}
      suffix={isShare ? ' %' : undefined}
      min={0}
      max={isShare ? 100 : undefined}
      decimalScale={isShare ? 1 : 0}
      step={isShare ? 5 : 1}
      placeholder={value === null ? 'drawn at freezing' : undefined}
      onChange={(given) => typeof given === 'number' && onChange(isShare ? given / 100 : given)}
    />
  );
}

function Differences({ check }: { check: CharterCheck }) {
  if (check.differences.length === 0) return <Text size="sm" c="dimmed">These are the proposed terms, unchanged.</Text>;
  const say = (key: string, value: unknown) => describeTerm(key, value as string | number | boolean | null);
  return (
    <Table aria-label="What changes">
      <Table.Thead><Table.Tr><Table.Th scope="col">Term</Table.Th><Table.Th scope="col">Before</Table.Th><Table.Th scope="col">After</Table.Th></Table.Tr></Table.Thead>
      <Table.Tbody>
        {check.differences.map(({ term, before, after }) => (
          <Table.Tr key={term}>
            <Table.Th scope="row" fw={500}>{TERMS[term]?.label ?? term}</Table.Th>
            <Table.Td>{say(term, before)}</Table.Td>
            <Table.Td fw={600}>{say(term, after)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Implied({ check }: { check: CharterCheck }) {
  const { differences, implies, problems, warnings } = check;
  const untouched = differences.length === 0;
  return (
    <Stack gap="sm" aria-live="polite">
      {untouched && problems.map((problem) => <Text key={problem} size="sm" c="dimmed">{problem}.</Text>)}
      {!untouched && problems.length > 0 && (
        <Alert color="red" variant="light" p="xs" title="Cannot be frozen like this">
          <List size="sm">{problems.map((problem) => <List.Item key={problem}>{problem}</List.Item>)}</List>
        </Alert>
      )}
      {implies?.patients === 0 && (
        <Text size="sm" c="dimmed">Every eligible patient is open already: these terms would govern those who become eligible later.</Text>
      )}
      {implies && implies.patients > 0 && (
        <div>
          <Text fw={600} size="sm" mb={4}>What it implies for the {plural(implies.patients, 'patient')} not open yet</Text>
          <Group gap="xl" align="flex-start">
            <Stat label="Cases" value={implies.cases} hint={`${plural(implies.observers, 'observer')}, ${plural(implies.adjudicators, 'neurosurgeon')}`} />
            <Stat label="Reads for each observer" value={implies.reads_per_observer} />
            <Stat label="Re-reads for each" value={implies.rereads_per_observer} hint={`a list of ${implies.list_per_observer}`} />
            <Stat label="Controls" value={implies.shams} hint="in the neurosurgeon’s list" />
            <Stat label="Disputes" value={implies.conflicts} hint={`if ${Math.round(100 * implies.assumed_discrepant)} % differ`} />
          </Group>
        </div>
      )}
      {warnings.length > 0 && (
        <Alert color="yellow" variant="light" p="xs" title="Worth knowing">
          <List size="sm">{warnings.map((warning) => <List.Item key={warning}>{warning}</List.Item>)}</List>
        </Alert>
      )}
    </Stack>
  );
}
