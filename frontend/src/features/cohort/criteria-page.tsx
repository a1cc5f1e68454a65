import { Anchor, Code, Group, List, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { DataTable } from '@/components/data-table';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { count, dateTime, words } from '@/lib/format';

import { type Criteria, criteriaQuery } from './api';

/** The rules that the flow is computed with now, from the tables that the server itself reads. */
export function CriteriaPage() {
  const criteria = useQuery(criteriaQuery);
  return (
    <>
      <Anchor component={Link} to="/cohort" size="sm">← Cohort</Anchor>
      <PageHeader
        title="Criteria in force"
        description="What the patient flow asks, in its order. The interval is set by the reading charter; the rest belongs to this version of Odontoid. How each series was decided stands on its patient’s page."
      />
      <QueryView query={criteria}>{(data) => <Rules criteria={data} />}</QueryView>
    </>
  );
}

function Rules({ criteria }: { criteria: Criteria }) {
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Panel title="Interval">
          <Text size="sm">Two cervical MRIs at least <b>{count(criteria.min_interval_days)} days</b> apart ({(criteria.min_interval_days / 365.25).toFixed(2)} years).</Text>
          <Text size="sm" c="dimmed">
            The paper says three years and filtered by {count(criteria.paper_interval_days)} days.
          </Text>
          {criteria.intervals.map((one) => (
            <Text key={one.set_at} size="xs" c="dimmed">{count(one.min_interval_days)} days since {dateTime(one.set_at)}</Text>
          ))}
        </Panel>
        <Panel title="Diagnosis codes" hint="The paper’s list; one code of it is enough. Dots and case do not matter.">
          {criteria.codes.map((one) => (
            <div key={one.system}>
              <Text size="sm" fw={600}>{one.system.replace('ICD', 'ICD-')}</Text>
              <Group gap={6} my={4}>{[...one.alone, ...one.with_deeper].map((code) => <Code key={code}>{code}</Code>)}</Group>
              <Text size="xs" c="dimmed" mb={6}>
                {one.alone.length > 0 && `${one.alone.join(' and ')} count only as they stand: M06 opens neither M06.1 nor M06.4. `}
                {one.alone.length > 0 ? 'Deeper digits of the others count' : 'Deeper digits count'}, as in {one.with_deeper.at(-1)}1.
              </Text>
            </div>
          ))}
        </Panel>
      </SimpleGrid>
      <Panel
        title="A sagittal T2 cervical series"
        hint="Every decision must be the study’s; localizers, reformats and computed maps do not count."
      >
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Stack gap="xs">
            <Text size="sm"><b>Plane</b>: {criteria.plane}, by the slice normal; oblique below |cos| {criteria.oblique_cosine}.</Text>
            <Text size="sm"><b>Slices</b>: at least {criteria.min_slices}.</Text>
            <Text size="sm"><b>Region</b>: {criteria.region}, by the first of series, protocol and study description, coded region and body part that names one; the export’s word where none does.</Text>
            <div>
              <Text size="sm" fw={600}>Names of the cervical spine</Text>
              <List size="sm">{criteria.cervical.map((name) => <List.Item key={name}>{name}</List.Item>)}</List>
            </div>
            <div>
              <Text size="sm" fw={600}>Names of another region</Text>
              <List size="sm">{criteria.elsewhere.map((name) => <List.Item key={name}>{name}</List.Item>)}</List>
            </div>
          </Stack>
          <div>
            <Text size="sm" mb={4}>
              <b>Weighting</b>: T2 without fat suppression. The first timing that fits decides, unless a name says{' '}
              {criteria.strong_names.map((name) => name.toUpperCase()).join(', ')}; the name decides where no timing fits.
            </Text>
            <DataTable
              caption="Weighting by timing"
              rows={criteria.timings}
              rowKey={(row) => row.rule}
              minWidth={300}
              columns={[
                { key: 'rule', header: 'Timing', render: (row) => row.rule },
                { key: 'weighting', header: 'Weighting', render: (row) => row.weighting.toUpperCase() },
              ]}
            />
          </div>
        </SimpleGrid>
      </Panel>
      <Panel title="What the series here were taken for" hint="Accepted series by plane and weighting.">
        <DataTable
          caption="Recognised series"
          rows={Object.entries(criteria.recognised)}
          rowKey={([name]) => name}
          minWidth={300}
          columns={[
            { key: 'name', header: 'Taken for', render: ([name]) => words(name.replace(/\bt(\d)/, 'T$1')) },
            { key: 'n', header: 'Series', numeric: true, render: ([, n]) => count(n) },
          ]}
        />
      </Panel>
    </Stack>
  );
}
