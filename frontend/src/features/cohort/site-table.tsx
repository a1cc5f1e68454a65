import { Anchor, Text } from '@mantine/core';
import { Link } from 'react-router';

import { type Column, DataTable } from '@/components/data-table';
import { Panel } from '@/components/panel';
import { count } from '@/lib/format';

import type { Flow } from './api';
import { boxLink } from './flow-diagram';
import { siteName } from './wording';

type Row = { site: string | undefined; steps: Flow['steps'] };

/** Every site's flow in one table: how many remain after each step, and how many left there. */
export function SiteTable({ flow }: { flow: Flow }) {
  const rows: Row[] = [...flow.sites, { site: undefined, steps: flow.steps }];
  const columns: Column<Row>[] = [
    {
      key: 'site',
      header: 'Site',
      render: ({ site }) => (site === undefined ? <Text size="sm" fw={600}>All sites</Text> : siteName(site)),
    },
    ...flow.steps.map((step, k): Column<Row> => ({
      key: step.key,
      header: step.label,
      numeric: true,
      render: ({ site, steps }) => {
        const own = steps[k];
        if (!own) return null;
        const where = site === undefined ? 'all sites' : siteName(site);
        return (
          <>
            <Anchor
              component={Link}
              to={boxLink({ kind: 'step', step: own.key }, { site })}
              size="sm"
              fw={site === undefined ? 600 : undefined}
              aria-label={`${own.label}, ${where}: ${own.remaining} remain`}
            >
              {count(own.remaining)}
            </Anchor>
            {own.left > 0 && (
              <Anchor
                component={Link}
                to={boxLink({ kind: 'left', step: own.key }, { site })}
                size="xs"
                c="dimmed"
                display="block"
                aria-label={`${own.label}, ${where}: ${own.left} left`}
              >
                −{count(own.left)}
              </Anchor>
            )}
          </>
        );
      },
    })),
  ];
  return (
    <Panel title="Flow by site" hint="Who remains after each step, and below it who left there. The last row is the sum.">
      <DataTable caption="Flow by site" columns={columns} rows={rows} rowKey={(row) => (row.site === undefined ? '__all__' : `=${row.site}`)} minWidth={900} maxHeight={420} />
    </Panel>
  );
}
