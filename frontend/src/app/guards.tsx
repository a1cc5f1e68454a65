import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Navigate, Outlet, useLocation } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { PageLoader } from '@/components/page-loader';
import { meQuery, type Role, useUser } from '@/lib/session';

import { NotFoundPage } from './not-found';

/** Shows the login page until somebody is signed in. The server decides; this only spares a page of errors. */
export function SignedIn() {
  const me = useQuery(meQuery);
  const location = useLocation();
  if (me.isPending) return <PageLoader label="Checking who is signed in" />;
  // Asking again failed: who was signed in stays so until the server says otherwise, and so does the page.
  if (!me.data) return <ErrorNotice error={me.error} onRetry={() => void me.refetch()} />;
  if (!me.data.user) {
    const next = location.pathname + location.search;
    return <Navigate to={next === '/' ? '/login' : `/login?next=${encodeURIComponent(next)}`} replace />;
  }
  return <Outlet />;
}

/** A page of other roles answers like one that does not exist. */
export function ForRoles({ roles }: { roles: readonly Role[] }) {
  const user = useUser();
  return user && (roles as readonly string[]).includes(user.role) ? <Outlet /> : <NotFoundPage />;
}

/** One address, a page for each role. */
export function ByRole({ pages }: { pages: Partial<Record<Role, ReactNode>> }) {
  const user = useUser();
  return pages[user?.role as Role] ?? <NotFoundPage />;
}
