import { ActionIcon, Indicator, Menu, Text } from '@mantine/core';
import { IconBell } from '@tabler/icons-react';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { api, unwrap } from '@/lib/api-client';

const noticesQuery = queryOptions({
  queryKey: ['notices'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/notices/', { signal })),
  refetchInterval: 60_000,
});

/** What waits for this person: never more than their own pages show. */
export function Notices() {
  const notices = useQuery(noticesQuery).data ?? [];
  const label = notices.length ? `Waiting for you: ${notices.map((notice) => notice.text).join(', ')}` : 'Nothing waits for you';
  return (
    <Menu position="bottom-end" withArrow>
      <Indicator disabled={notices.length === 0} color="orange" size={9} offset={5}>
        <Menu.Target>
          <ActionIcon variant="subtle" aria-label={label}><IconBell size={18} aria-hidden /></ActionIcon>
        </Menu.Target>
      </Indicator>
      <Menu.Dropdown>
        {notices.length === 0 && <Text size="sm" px="sm" py={4}>Nothing waits for you.</Text>}
        {notices.map((notice) => (
          <Menu.Item key={notice.key} component={Link} to={notice.link}>{notice.text}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
