import { Alert, Anchor, Button, Group, List, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { ErrorNotice } from '@/components/error-notice';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { DASH, figure } from '@/lib/format';

import { checkPublished, paperQuery, type Published } from './api';
import { COUNTS, FIGURES, MARGINS, nameOf, type Table, tableOf } from './published-table';

/** Any publication's 2×2 table and figures: which of them cannot be true together? */
export function PublishedPage() {
  const [typed, setTyped] = useState<Table>({});
  const paper = useQuery(paperQuery);
  const check = useMutation({ mutationFn: (table: Table) => checkPublished(tableOf(table)) });
  const field = (key: string, label: string, placeholder?: string) => (
    <TextInput
      key={key}
      label={label}
      placeholder={placeholder}
      inputMode={key.endsWith('_ci') ? 'text' : 'decimal'}
      value={typed[key] ?? ''}
      onChange={(event) => {
        const { value } = event.currentTarget;
        setTyped((current) => ({ ...current, [key]: value }));
        check.reset();
      }}
    />
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    check.mutate(typed);
  };
  const fill = (): void => {
    if (!paper.data) return;
    const { counts, figures } = paper.data;
    const printed = Object.entries(figures).map(([key, value]) => [key, value.toFixed(2)]);
    const filled = Object.fromEntries([...Object.entries(counts).map(([key, value]) => [key, String(value)]), ...printed]) as Table;
    setTyped(filled);
    check.mutate(filled);
  };
  const empty = !Object.values(typed).some((value) => value.trim());
  return (
    <>
      <Anchor component={Link} to="/runs" size="sm">← Runs</Anchor>
      <PageHeader
        title="Check a published table"
        description="Type what a publication prints; what you leave empty is not checked. Nothing is stored."
        actions={<Button variant="default" onClick={fill} disabled={!paper.data}>Fill in the reference paper</Button>}
      />
      <Stack>
        <form onSubmit={submit} aria-label="Published figures">
          <Panel title="As printed" hint="Figures with the digits they were printed with: 0.80 says more than 0.8, 86% is understood.">
            <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
              {COUNTS.map(([key, label]) => field(key, label))}
              {MARGINS.map(([key, label]) => field(key, label))}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 2, sm: 4, lg: 5 }} spacing="sm" mt="md">
              {FIGURES.map((key) => (
                <div key={key}>
                  {field(key, nameOf(key))}
                  {key !== 'prevalence' && key !== 'balanced_accuracy' && field(`${key}_ci`, `${nameOf(key)}, 95 % CI`, 'low–high')}
                </div>
              ))}
            </SimpleGrid>
            <Group mt="md">
              <Button type="submit" disabled={empty} loading={check.isPending}>Check</Button>
              <Button variant="subtle" disabled={empty} onClick={() => { setTyped({}); check.reset(); }}>Clear</Button>
            </Group>
          </Panel>
        </form>
        {check.isError && <ErrorNotice error={check.error} title="Not checked" />}
        {check.data && <Findings found={check.data} />}
      </Stack>
    </>
  );
}

export function Findings({ found }: { found: Published }) {
  const { findings, matrices, not_searched: skipped } = found;
  return (
    <div role="status">
      <Stack>
        {findings.length === 0 && skipped ? (
          <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title="No contradiction found, but not all was checked">{skipped}</Alert>
        ) : findings.length === 0 ? (
          <Alert color="teal" icon={<IconCheck aria-hidden />} title="All can be true together">
            No two of these figures contradict each other. That does not make them right.
          </Alert>
        ) : (
          <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title={`${findings.length} contradiction${findings.length > 1 ? 's' : ''}`}>
            <List size="sm">{findings.map((finding) => <List.Item key={finding}>{finding}</List.Item>)}</List>
          </Alert>
        )}
        {matrices.length > 0 && (
          <Panel title="Matrices that the counts allow" hint="The printed one, and each in which a single count gives way to the margins.">
            <DataTable
              caption="Matrices that the printed counts and margins allow"
              rows={matrices}
              rowKey={(row) => `${row.tp} ${row.fp} ${row.tn} ${row.fn}`}
              columns={[
                ...COUNTS.map(([key, label]) => ({ key, header: label, numeric: true, render: (row: Published['matrices'][number]) => row[key] })),
                { key: 'n', header: 'Patients', numeric: true, render: (row) => row.n },
                { key: 'fits', header: 'Figures it gives', render: (row) => row.fits.map(nameOf).join(', ') || DASH },
                { key: 'contradicts', header: 'Figures it does not give', render: (row) => row.contradicts.map((key) => `${nameOf(key)} (would be ${figure(row.figures[key])})`).join(', ') || DASH },
              ]}
            />
          </Panel>
        )}
        {findings.length > 0 && skipped && <Text size="sm">{skipped}</Text>}
        <Text size="xs" c="dimmed">Patient flows and proportions are checked by manage.py check_published.</Text>
      </Stack>
    </div>
  );
}
