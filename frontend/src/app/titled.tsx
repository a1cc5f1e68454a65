import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useParams } from 'react-router';

/** The one place that names the browser's tab (WCAG 2.4.2). */
export function useTitle(title: string): void {
  useDocumentTitle(`${title} – Odontoid`);
}

/** A page with its title; `:name` stands for a part of the address. Nothing else of a case is in it. */
export function Titled({ title, children }: { title: string; children: ReactNode }) {
  const params = useParams();
  useTitle(title.replace(/:(\w+)/g, (_, name: string) => params[name] ?? ''));
  return children;
}
