import { render } from '@testing-library/react';
import type { ReactElement } from 'react';
import { MemoryRouter, Navigate, Route, type RouteObject, Routes } from 'react-router';
import { expect, it } from 'vitest';

import { ByRole } from './guards';
import { NotFoundPage } from './not-found';
import { routes } from './router';
import { Titled } from './titled';

type Props = { title: string; pages: Record<string, ReactElement> };

/** Every page a person can get to, with the pattern of its address. */
function pages(of: RouteObject[]): { path: string; page: ReactElement<Props> }[] {
  return of.flatMap(({ path, element, children }) => {
    if (children) return pages(children);
    const page = element as ReactElement<Props>;
    const each = page.type === ByRole ? (Object.values(page.props.pages) as ReactElement<Props>[]) : [page];
    return each.map((one) => ({ path: path ?? '', page: one }));
  });
}

const all = pages(routes).filter(({ page }) => page.type !== Navigate && page.type !== NotFoundPage);

it('every page has a title', () => {
  expect(all.length).toBeGreaterThan(20);
  for (const { path, page } of all) expect(page.type, path).toBe(Titled);
});

it.each(all.map(({ path, page }) => [path, page.props.title] as const))('%s is called “%s”', (path, title) => {
  document.title = 'Odontoid';
  const at = path.replace(/:(\w+)/g, 'K7Q2');
  render(
    <MemoryRouter initialEntries={[at]}>
      <Routes><Route path={path} element={<Titled title={title}>.</Titled>} /></Routes>
    </MemoryRouter>,
  );
  expect(document.title).toBe(`${title.replace(/:(\w+)/g, 'K7Q2')} – Odontoid`);
  expect(document.title).not.toContain(':');
});

it('no two addresses have one title, and a case is told by its code alone', () => {
  const titles = new Set(all.map(({ path, page }) => `${path} ${page.props.title}`));
  expect(new Set(all.map(({ page }) => page.props.title)).size).toBe(titles.size);
  expect(all.find(({ path }) => path === '/read/:code')?.page.props.title).toBe('Case :code – Reading');
});
