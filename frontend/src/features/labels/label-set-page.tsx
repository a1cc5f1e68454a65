import { Anchor, Button, Group, SimpleGrid, Stack } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';

import { DataTable } from '@/components/data-table';
import { Hash } from '@/components/hash';
import { PageHeader } from '@/components/page-header';
import { PAGE_SIZE, Pager } from '@/components/pager';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { Stat } from '@/components/stat';
import { dateTime, figure, percent } from '@/lib/format';

import { type LabelSetDetail, labelSetQuery } from './api';
import { CategoryBadge } from './category-badge';
import { HOW } from './wording';

export function LabelSetPage() {
  const { id = '' } = useParams();
  const set = useQuery(labelSetQuery(Number(id)));
  return (
    <>
      <Anchor component={Link} to="/labels" size="sm">← Labels</Anchor>
      <QueryView query={set}>{(data) => <LabelSetView set={data} />}</QueryView>
    </>
  );
}

function LabelSetView({ set }: { set: LabelSetDetail }) {
  const [page, setPage] = useState(1);
  const by = (how: string) => set.rows.filter((row) => row.provenance === how).length;
  return (
    <>
      <PageHeader
        title={set.name || `Label set ${set.id}`}
        description={<Group gap={6}>Frozen {dateTime(set.frozen_at)}{set.frozen_by && ` by ${set.frozen_by}`} · charter v{set.charter_version} · SHA-256 <Hash value={set.hash} digits={16} /></Group>}
        actions={
          <>
            <Button component="a" href={`/api/label-sets/${set.id}/manifest.json`} download variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
              Manifest
            </Button>
            <Button component={Link} to={`/runs?launch=${set.id}`}>Train on it</Button>
          </>
        }
      />
      <Stack>
        <SimpleGrid cols={{ base: 2, sm: 5 }}>
          <Stat label="Patients" value={set.patients} />
          <Stat label="Developed deformity" value={set.positives} hint={percent(set.patients ? set.positives / set.patients : null, 1)} />
          {Object.entries(HOW).map(([how, { label }]) => <Stat key={how} label={label} value={by(how)} />)}
        </SimpleGrid>
        <Panel title="Patients" hint="As frozen: later labels do not change these rows.">
          <DataTable
            caption="Patients of the label set"
            rows={set.rows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)}
            rowKey={(row) => row.patient}
            minWidth={720}
            columns={[
              {
                key: 'patient',
                header: 'Patient',
                render: (row) => <Anchor component={Link} to={`/cohort/patients/${row.patient}`} ff="monospace" size="sm">{row.patient}</Anchor>,
              },
              { key: 'baseline', header: 'Baseline', render: (row) => <CategoryBadge category={row.baseline_category} /> },
              { key: 'follow', header: 'Follow-up', render: (row) => <CategoryBadge category={row.follow_up_category} /> },
              { key: 'outcome', header: 'Outcome', render: (row) => (row.outcome ? '1 – deformity' : '0 – none') },
              { key: 'years', header: 'Follow-up, years', numeric: true, render: (row) => figure(row.follow_up_years, 1) },
              { key: 'how', header: 'How', render: (row) => HOW[row.provenance]?.label ?? row.provenance },
            ]}
          />
          <Pager total={set.rows.length} page={page} onPage={setPage} noun="patients" />
        </Panel>
      </Stack>
    </>
  );
}
