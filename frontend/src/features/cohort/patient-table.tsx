import { Anchor, Badge, Button, Group, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';

import { type Column, DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { PAGE_SIZE, Pager } from '@/components/pager';
import { QueryView } from '@/components/query-view';
import { DASH, words } from '@/lib/format';

import { type FlowStep, type Patient, patientsQuery } from './api';
import { describeReason, siteName } from './wording';

/** The patients behind a box of the flow, or all of them; the filter lives in the address. */
export function PatientTable({ steps }: { steps: readonly FlowStep[] }) {
  const [params, setParams] = useSearchParams();
  const [search, setSearch] = useState(params.get('search') ?? '');
  const [settled] = useDebouncedValue(search, 250);
  const step = params.get('step') ?? undefined;
  const reached = params.get('reached') ?? undefined;
  const reason = params.get('reason') ?? undefined;
  const site = params.get('site') ?? undefined;
  const delivery = Number(params.get('delivery')) || undefined;
  const filterKey = [step, reached, reason, site, delivery, settled].join('|');
  const [paging, setPaging] = useState({ filterKey, page: 1 });
  const page = paging.filterKey === filterKey ? paging.page : 1;
  const query = useQuery(
    patientsQuery({ step, reached, reason, site, delivery, search: settled || undefined, limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE }),
  );
  const labels = new Map(steps.map((item) => [item.key, item.label]));
  const filter = describeFilter({ step, reached, reason, site, delivery }, labels);

  const columns: Column<Patient>[] = [
    {
      key: 'pseudonym',
      header: 'Patient',
      render: (row) => (
        <Group gap={6} wrap="nowrap">
          <Anchor component={Link} to={`/cohort/patients/${row.pseudonym}`} ff="monospace" size="sm">{row.pseudonym}</Anchor>
          {row.phantom && <Badge size="xs" variant="light" color="gray">Phantom</Badge>}
        </Group>
      ),
    },
    { key: 'site', header: 'Site', render: (row) => row.site || DASH },
    { key: 'sex', header: 'Sex', render: (row) => row.sex || DASH },
    { key: 'age', header: 'Age at baseline', numeric: true, render: (row) => row.age_at_baseline?.toFixed(0) ?? DASH },
    { key: 'exams', header: 'Exams', numeric: true, render: (row) => row.exams },
    { key: 'series', header: 'Series', numeric: true, render: (row) => row.series },
    {
      key: 'leaves',
      header: 'In the flow',
      render: (row) =>
        row.leaves_at
          ? `Left at “${labels.get(row.leaves_at) ?? words(row.leaves_at)}”: ${describeReason(row.reason ?? '')}`
          : 'Included',
    },
  ];

  return (
    <>
      <Group mb="sm" gap="xs">
        <TextInput
          aria-label="Search by pseudonym or site"
          placeholder="Pseudonym or site"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          w={240}
        />
        {filter && (
          <Button
            variant="light"
            size="sm"
            rightSection={<IconX size={14} aria-hidden />}
            aria-label={`${filter}. Show all patients`}
            onClick={() => setParams({}, { preventScrollReset: true })}
          >
            {filter}
          </Button>
        )}
      </Group>
      <QueryView query={query} label="Loading patients">
        {(data) => (
          <>
            <DataTable
              caption="Patients"
              columns={columns}
              rows={data.results}
              rowKey={(row) => row.pseudonym}
              minWidth={760}
              empty={<EmptyState title="No patient matches">Clear the search or the filter to see all of them.</EmptyState>}
            />
            <Pager total={data.count} page={page} onPage={(next) => setPaging({ filterKey, page: next })} noun="patients" />
          </>
        )}
      </QueryView>
    </>
  );
}

function describeFilter(
  filter: { step?: string; reached?: string; reason?: string; site?: string; delivery?: number },
  labels: ReadonlyMap<string, string>,
): string | null {
  const name = (key: string) => labels.get(key) ?? words(key);
  const where = filter.site === undefined ? '' : `, ${siteName(filter.site)}`;
  if (filter.step) return `Left at “${name(filter.step)}”${filter.reason ? `: ${describeReason(filter.reason)}` : ''}${where}`;
  if (filter.delivery) return `Of delivery ${filter.delivery}${where}`;
  if (filter.reached) return `Reached “${name(filter.reached)}”${where}`;
  return filter.site === undefined ? null : siteName(filter.site);
}
