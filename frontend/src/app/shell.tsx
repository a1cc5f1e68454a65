import { AppShell, Button, Group, Menu, NavLink, Text } from '@mantine/core';
import {
  IconCertificate, IconChartLine, IconClipboardCheck, IconFileCertificate, IconHistory, IconHome, IconLogout, IconTags, IconUsers,
  IconUserCircle,
} from '@tabler/icons-react';
import { NavLink as RouterLink, Outlet, ScrollRestoration, useLocation } from 'react-router';

import { Brand } from '@/components/brand';
import { type User, useUser } from '@/lib/session';

import { Notices } from './notices';
import { useSignOut } from './sign-out';

const LEAD_PAGES = [
  { to: '/', label: 'Dashboard', icon: IconHome },
  { to: '/cohort', label: 'Cohort', icon: IconUsers },
  { to: '/progress', label: 'Progress', icon: IconClipboardCheck },
  { to: '/qualification', label: 'Qualification', icon: IconCertificate },
  { to: '/labels', label: 'Labels', icon: IconTags },
  { to: '/runs', label: 'Runs', icon: IconChartLine },
  { to: '/charter', label: 'Charter', icon: IconFileCertificate },
  { to: '/audit', label: 'Audit trail', icon: IconHistory },
] as const;

const ROLE_LABEL: Record<string, string> = {
  observer: 'Observer', adjudicator: 'Neurosurgeon', lead: 'Study lead', '': 'No role',
};

function isCurrent(to: string, pathname: string): boolean {
  if (to === '/') return pathname === '/';
  return pathname === to || pathname.startsWith(`${to}/`) || (to === '/labels' && pathname.startsWith('/label-sets/'));
}

/** Header for everybody; the lead also gets the navigation. */
export function Shell() {
  const user = useUser();
  const { pathname } = useLocation();
  const lead = user?.role === 'lead';
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={lead ? { width: 176, breakpoint: 'xs' } : undefined}
      padding="md"
    >
      <a className="skip-link" href="#main">Skip to the page</a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Brand />
          <Group gap="md" wrap="nowrap">
            <Text size="xs" c="dimmed">Research use only – not a medical device</Text>
            {user?.role && <Notices />}
            {user && <AccountMenu user={user} />}
          </Group>
        </Group>
      </AppShell.Header>
      {lead && (
        <AppShell.Navbar p="xs" component="nav" aria-label="Study">
          {LEAD_PAGES.map(({ to, label, icon: Icon }) => (
            <NavLink
              key={to}
              component={RouterLink}
              to={to}
              label={label}
              leftSection={<Icon size={18} stroke={1.6} aria-hidden />}
              active={isCurrent(to, pathname)}
            />
          ))}
        </AppShell.Navbar>
      )}
      <AppShell.Main id="main" tabIndex={-1}>
        <Outlet />
        <ScrollRestoration />
      </AppShell.Main>
    </AppShell>
  );
}

function AccountMenu({ user }: { user: User }) {
  const { signOut, question } = useSignOut(user.username);
  const name = [user.first_name, user.last_name].filter(Boolean).join(' ') || user.username;
  return (
    <>
      <Menu position="bottom-end" withArrow>
        <Menu.Target>
          <Button variant="subtle" size="compact-sm" leftSection={<IconUserCircle size={18} aria-hidden />}>{name}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{ROLE_LABEL[user.role ?? '']} · {user.username}</Menu.Label>
          <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void signOut()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {question}
    </>
  );
}
