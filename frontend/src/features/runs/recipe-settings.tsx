import { Accordion, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { DataTable } from '@/components/data-table';

import { type Recipes, recipesQuery } from './api';
import { say } from './provenance';

type Setting = Recipes['settings'][number];

function allowed({ choices, low, high, unit }: Setting): string {
  if (choices) return choices.map(say).join(' | ');
  const range = low !== null && high !== null ? `${low} to ${high}` : '';
  return [range, unit].filter(Boolean).join(' ');
}

/** Everything an override can name, with this profile's value. */
export function RecipeSettings({ profile }: { profile: string }) {
  const recipes = useQuery(recipesQuery);
  if (!recipes.data) return null;
  const values = recipes.data.profiles[profile] ?? {};
  return (
    <Accordion variant="contained">
      <Accordion.Item value="settings">
        <Accordion.Control>
          <Text size="sm">All {recipes.data.settings.length} settings of this profile</Text>
        </Accordion.Control>
        <Accordion.Panel>
          <DataTable
            caption="Settings of the recipe"
            rows={recipes.data.settings}
            rowKey={(row) => row.name}
            maxHeight={300}
            minWidth={520}
            columns={[
              { key: 'name', header: 'Setting', render: (row) => <Text ff="monospace" size="xs">{row.name}</Text> },
              { key: 'value', header: 'Value', render: (row) => <Text ff="monospace" size="xs">{say(row.name in values ? values[row.name] : row.default)}</Text> },
              { key: 'doc', header: 'Meaning', render: (row) => <Text size="xs">{row.doc}</Text> },
              { key: 'source', header: 'Source', render: (row) => <Text size="xs" c="dimmed">{row.source}</Text> },
              { key: 'allowed', header: 'Allowed', render: (row) => <Text size="xs">{allowed(row)}</Text> },
            ]}
          />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
