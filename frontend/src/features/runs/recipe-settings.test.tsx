import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';

import { recipesQuery } from './api';
import { RecipeSettings } from './recipe-settings';

it('says whose each setting is', () => {
  const setting = { name: 'grid', default: 'pad512', doc: 'the grid', source: 'paper, ambiguous', unit: '', choices: ['pad512', 'fit'], low: null, high: null };
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  client.setQueryData(recipesQuery.queryKey, { profiles: { paper: { grid: 'pad512' } }, settings: [setting], default_profile: 'paper', default_overrides: [] });
  render(<MantineProvider env="test"><QueryClientProvider client={client}><RecipeSettings profile="paper" /></QueryClientProvider></MantineProvider>);
  const table = screen.getByRole('table', { hidden: true });
  expect(within(table).getByText('paper, ambiguous')).toBeTruthy();
});
