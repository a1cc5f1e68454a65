import { Group, Select } from '@mantine/core';
import { useState } from 'react';

import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { figure, interval } from '@/lib/format';

import { LossChart } from './more-charts';
import type { FoldHistory, RunResult } from './result';

const nameOf = ({ repeat, fold }: FoldHistory) => `Repeat ${repeat + 1}, fold ${fold + 1}`;

/** How the training went, and how far its own patients' figures lie above the test's. */
export function TrainingPanel({ result }: { result: RunResult }) {
  const [index, setIndex] = useState('0');
  const shown = result.history[Number(index)];
  const { auc } = result.metrics_train;
  return (
    <Panel
      title="Training"
      actions={
        result.history.length > 1 && (
          <Select
            size="xs"
            aria-label="Network"
            data={result.history.map((item, position) => ({ value: String(position), label: nameOf(item) }))}
            value={index}
            onChange={(value) => value && setIndex(value)}
            allowDeselect={false}
          />
        )
      }
    >
      <Group gap="xl" mb="xs">
        <Stat label="AUC on training patients" value={figure(auc?.value)} hint={`95 % CI ${interval(auc?.low, auc?.high, 2)}; the test’s counts, not this`} />
        <Stat label="AUC on test patients" value={figure(result.metrics.auc?.value)} hint={`95 % CI ${interval(result.metrics.auc?.low, result.metrics.auc?.high, 2)}`} />
      </Group>
      {shown && shown.epochs.length > 0 && <LossChart history={shown.epochs} />}
    </Panel>
  );
}
