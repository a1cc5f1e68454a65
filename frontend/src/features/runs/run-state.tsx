import { Badge } from '@mantine/core';

import { words } from '@/lib/format';

const COLOUR: Record<string, string> = { queued: 'gray', running: 'blue', succeeded: 'teal', failed: 'red', cancelled: 'gray' };

export function RunStateBadge({ state }: { state: string }) {
  return <Badge variant="light" color={COLOUR[state] ?? 'gray'}>{words(state)}</Badge>;
}
