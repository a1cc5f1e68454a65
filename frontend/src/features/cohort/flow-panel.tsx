import { Alert, Button, Group, Menu, Select, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCircleCheck, IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';

import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { messageOf } from '@/lib/errors';
import { plural } from '@/lib/format';

import { type Flow, flowOf } from './api';
import { FlowDiagram } from './flow-diagram';
import { saveFlowAsPng } from './flow-png';
import { siteName } from './wording';

const ALL = '__all__';

/** The figure of everybody or of one site; the site lives in the address, so that boxes and list agree. */
export function FlowPanel({ flow }: { flow: Flow }) {
  const [params, setParams] = useSearchParams();
  const site = params.get('site') ?? undefined;
  const own = useQuery({ ...flowOf(site), enabled: site !== undefined });
  const shown = site === undefined ? flow : own.data;
  const choose = (next: string | null) =>
    setParams((old) => {
      const changed = new URLSearchParams(old);
      if (next === null || next === ALL) changed.delete('site');
      else changed.set('site', next.slice(1));
      return changed;
    }, { preventScrollReset: true });
  return (
    <Panel
      title="Patient flow"
      hint="Each box, and each reason, opens its patients below."
      actions={
        <>
          {flow.sites.length > 1 && (
            <Select
              size="xs"
              w={170}
              aria-label="Site"
              searchable={flow.sites.length > 8}
              allowDeselect={false}
              // A site may have no name, and an option must have one: values are marked.
              value={site === undefined ? ALL : `=${site}`}
              onChange={choose}
              data={[{ value: ALL, label: 'All sites' }, ...flow.sites.map((item) => ({ value: `=${item.site}`, label: siteName(item.site) }))]}
            />
          )}
          <Downloads site={site} />
        </>
      }
    >
      <Sums flow={flow} />
      {shown ? (
        <FlowDiagram
          diagram={shown.diagram}
          site={site}
          selected={{
            step: params.get('step') ?? params.get('reached') ?? undefined,
            left: params.has('step'),
            reason: params.get('reason') ?? undefined,
          }}
        />
      ) : (
        <QueryView query={own} label="Counting the flow">{() => null}</QueryView>
      )}
    </Panel>
  );
}

/** What the server worked out again from the very figures shown. */
function Sums({ flow: { sums, sites } }: { flow: Flow }) {
  if (sums.contradictions.length > 0) {
    return (
      <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title="This flow does not add up" role="alert" mb="sm">
        {sums.contradictions.join(' ')}
      </Alert>
    );
  }
  return (
    <Group gap={6} mb="sm">
      <IconCircleCheck size={16} color="#00734f" aria-hidden />
      <Text size="xs" c="dimmed">
        Adds up: {plural(sums.checked, 'sum')} checked, at every step
        {sites.length > 1 ? ', in every site, and over the sites' : ''}.
      </Text>
    </Group>
  );
}

function Downloads({ site }: { site?: string }) {
  const query = site === undefined ? '' : `?${new URLSearchParams({ site })}`;
  const png = () =>
    saveFlowAsPng(`/api/cohort/flow.svg${query}`).catch((error: unknown) =>
      notifications.show({ color: 'red', title: 'The picture could not be made', message: messageOf(error) }),
    );
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>Download</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={`/api/cohort/flow.svg${query}`} download="patient-flow.svg">Figure, SVG</Menu.Item>
        <Menu.Item onClick={() => void png()}>Figure, PNG</Menu.Item>
        <Menu.Item component="a" href="/api/cohort/flow.csv" download="patient-flow.csv">Counts and reasons by site, CSV</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
