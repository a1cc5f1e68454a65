import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';

import { Findings } from './published-page';

const show = (not_searched: string | null, findings: string[] = []) =>
  render(<MantineProvider env="test"><Findings found={{ findings, matrices: [], not_searched }} /></MantineProvider>);

it('does not say that all can be true where that was not searched', () => {
  show('Not searched: 5000 patients allow too many.');
  expect(screen.queryByText('All can be true together')).toBeNull();
  expect(screen.getByText('No contradiction found, but not all was checked')).toBeTruthy();
  expect(screen.getByText(/5000 patients allow too many/)).toBeTruthy();
});

it('says so where it was', () => {
  show(null);
  expect(screen.getByText('All can be true together')).toBeTruthy();
});
