import { Anchor, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';

import { type DeidentifiedStudy, deidentificationQuery } from './api';

const TREATMENTS = ['removed', 'replaced', 'kept'] as const;
const TITLES = { removed: 'Removed', replaced: 'Replaced', kept: 'Kept' };

/** What de-identification did to each study: attributes, never values. */
export function DeidentificationPanel({ pseudonym }: { pseudonym: string }) {
  const report = useQuery(deidentificationQuery(pseudonym));
  return (
    <Panel title="De-identification" hint="Which attributes of the delivered images were removed, replaced or kept. Values are not recorded.">
      <QueryView query={report}>
        {(studies) =>
          studies.length === 0 ? (
            <Text size="sm" c="dimmed">No images of this patient have been ingested.</Text>
          ) : (
            <Stack>
              <Anchor size="sm" href={`/api/cohort/patients/${pseudonym}/deidentification.csv`} download>Download as CSV</Anchor>
              {studies.map((study) => <Study key={study.study_uid} study={study} />)}
            </Stack>
          )
        }
      </QueryView>
    </Panel>
  );
}

function Study({ study }: { study: DeidentifiedStudy }) {
  const [shown, setShown] = useState<(typeof TREATMENTS)[number]>('removed');
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const rows = study[shown].filter((row) => `${row.tag} ${row.name} ${row.keyword}`.toLowerCase().includes(wanted));
  return (
    <Stack gap="xs">
      <Text size="sm">
        Study of {study.study_date ?? 'unknown date'} (shifted), {study.series.length} series.{' '}
        {study.private_removed} private attributes removed. {study.method}.
      </Text>
      <Group>
        <SegmentedControl
          size="xs"
          aria-label="Treatment"
          value={shown}
          onChange={setShown}
          data={TREATMENTS.map((key) => ({ value: key, label: `${TITLES[key]} (${study[key].length})` }))}
        />
        <TextInput size="xs" aria-label="Search attributes" placeholder="Search attributes" value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
      </Group>
      <DataTable
        caption={`${TITLES[shown]} attributes`}
        rows={rows}
        rowKey={(row) => row.tag}
        maxHeight={260}
        empty="None."
        columns={[
          { key: 'tag', header: 'Tag', width: 130, render: (row) => <Text ff="monospace" size="sm">{row.tag}</Text> },
          { key: 'name', header: 'Attribute', render: (row) => row.name },
        ]}
      />
    </Stack>
  );
}
