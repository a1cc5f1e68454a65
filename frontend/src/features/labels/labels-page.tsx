import { Anchor, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';

import { type Column, DataTable } from '@/components/data-table';
import { EmptyState } from '@/components/empty-state';
import { Hash } from '@/components/hash';
import { PageHeader } from '@/components/page-header';
import { PAGE_SIZE, Pager } from '@/components/pager';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { DASH, dateTime, percent } from '@/lib/format';

import { type Label, labelSetsQuery, labelsQuery } from './api';
import { CategoryBadge } from './category-badge';
import { DownloadReads } from './download-reads';
import { FreezeButton } from './freeze-button';
import { LabelDrawer } from './label-drawer';
import { HOW, SCAN } from './wording';

export function LabelsPage() {
  const [params, setParams] = useSearchParams();
  const how = params.get('how') ?? '';
  const [page, setPage] = useState(1);
  const labels = useQuery(labelsQuery({ limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE, how: how || undefined }));
  // Of all kinds, whichever the list is narrowed to.
  const total = useQuery(labelsQuery({ limit: 1, offset: 0 })).data?.count ?? 0;
  const open = Number(params.get('label')) || null;
  const show = (id: number | null) =>
    setParams((current) => {
      if (id === null) current.delete('label');
      else current.set('label', String(id));
      return current;
    }, { preventScrollReset: true });

  const columns: Column<Label>[] = [
    {
      key: 'patient',
      header: 'Patient',
      render: (row) => <Anchor component={Link} to={`/cohort/patients/${row.patient}`} ff="monospace" size="sm">{row.patient}</Anchor>,
    },
    { key: 'scan', header: 'Scan', render: (row) => SCAN[row.scan] ?? row.scan },
    { key: 'category', header: 'Category', render: (row) => <CategoryBadge category={row.category} /> },
    { key: 'how', header: 'How', render: (row) => HOW[row.how]?.label ?? row.how },
    { key: 'decided', header: 'Decided', render: (row) => dateTime(row.decided_at) },
    {
      key: 'reads',
      header: 'Reads',
      render: (row) => (
        <Button size="compact-sm" variant="subtle" onClick={() => show(row.id)} aria-label={`${row.readings.length} reads behind the ${SCAN[row.scan] ?? row.scan} label of ${row.patient}`}>
          {row.readings.length} reads
        </Button>
      ),
    },
  ];

  return (
    <>
      <PageHeader
        title="Labels"
        description="One record for each scan, never changed: what it is taken to show, and which signed reads it rests on."
        actions={
          <Group gap="xs">
            <DownloadReads disabled={!total} />
            <FreezeButton labels={total} disabled={!total} />
          </Group>
        }
      />
      <Stack>
        <LabelSets />
        <Panel
          title="Final labels"
          actions={
            <SegmentedControl
              size="xs"
              aria-label="How decided"
              value={how}
              onChange={(value) => {
                setPage(1);
                setParams(value ? { how: value } : {});
              }}
              data={[{ value: '', label: 'All' }, ...Object.entries(HOW).map(([value, { label }]) => ({ value, label }))]}
            />
          }
        >
          <QueryView query={labels} label="Loading labels">
            {(data) => (
              <>
                <DataTable
                  caption="Final labels"
                  columns={columns}
                  rows={data.results}
                  rowKey={(row) => row.id}
                  minWidth={720}
                  empty={
                    <EmptyState title={how ? 'None of this kind' : 'No final label yet'}>
                      A scan gets its label when both observers agree, settle it in consensus, or the neurosurgeon decides.
                    </EmptyState>
                  }
                />
                <Pager total={data.count} page={page} onPage={setPage} noun="labels" />
              </>
            )}
          </QueryView>
        </Panel>
      </Stack>
      <LabelDrawer id={open} onClose={() => show(null)} />
    </>
  );
}

function LabelSets() {
  const sets = useQuery(labelSetsQuery);
  return (
    <Panel title="Label sets" hint="Frozen manifests; each run names the one it learned from.">
      <QueryView query={sets}>
        {(data) => (
          <DataTable
            caption="Label sets"
            rows={data}
            rowKey={(row) => row.id}
            empty="None yet. Freeze the final labels to make the first; a training run follows by itself."
            columns={[
              {
                key: 'name',
                header: 'Label set',
                render: (row) => <Anchor component={Link} to={`/label-sets/${row.id}`} size="sm">{row.name || `Label set ${row.id}`}</Anchor>,
              },
              { key: 'hash', header: 'SHA-256', render: (row) => <Hash value={row.hash} /> },
              { key: 'patients', header: 'Patients', numeric: true, render: (row) => row.patients },
              {
                key: 'positives',
                header: 'Developed deformity',
                numeric: true,
                render: (row) => <Group gap={4} justify="flex-end">{row.positives}<Text size="xs" c="dimmed">({percent(row.patients ? row.positives / row.patients : null)})</Text></Group>,
              },
              { key: 'charter', header: 'Charter', numeric: true, render: (row) => `v${row.charter_version}` },
              { key: 'at', header: 'Frozen', render: (row) => `${dateTime(row.frozen_at)} · ${row.frozen_by ?? DASH}` },
            ]}
          />
        )}
      </QueryView>
    </Panel>
  );
}
