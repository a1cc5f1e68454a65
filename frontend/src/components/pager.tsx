import { Group, Pagination, Text } from '@mantine/core';

import { count } from '@/lib/format';

export const PAGE_SIZE = 25;

const CONTROLS = { first: 'First page', previous: 'Previous page', next: 'Next page', last: 'Last page' };

interface Props {
  total: number;
  /** 1-based. */
  page: number;
  onPage: (page: number) => void;
  noun: string;
  size?: number;
}

export function Pager({ total, page, onPage, noun, size = PAGE_SIZE }: Props) {
  const pages = Math.ceil(total / size);
  return (
    <Group justify="space-between" mt="sm">
      <Text size="xs" c="dimmed" aria-live="polite">
        {total === 0
          ? `No ${noun}`
          : `${count((page - 1) * size + 1)}–${count(Math.min(page * size, total))} of ${count(total)} ${noun}`}
      </Text>
      {pages > 1 && <Pagination size="sm" total={pages} value={page} onChange={onPage} aria-label={`Pages of ${noun}`} getControlProps={(control) => ({ 'aria-label': CONTROLS[control] })} />}
    </Group>
  );
}
