import { Code, ScrollArea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { Panel } from '@/components/panel';

import { logQuery } from './api';

/** The end of what the trainer wrote, for the run or for one of its folds. */
export function RunLog({ id, part, active }: { id: number; part?: string; active: boolean }) {
  const log = useQuery({ ...logQuery(id, part), refetchInterval: active ? 5_000 : false });
  if (!log.data) return null;
  return (
    <Panel title={part ? `Log of ${part}` : 'Log'}>
      <ScrollArea.Autosize mah={280} viewportProps={{ tabIndex: 0, 'aria-label': part ? `Log of ${part}` : 'Log of the run' }}>
        <Code block>{log.data}</Code>
      </ScrollArea.Autosize>
    </Panel>
  );
}
