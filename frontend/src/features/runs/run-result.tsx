import { Alert, Button, Grid, Group, SimpleGrid, Stack, Tabs } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';

import { ErrorNotice } from '@/components/error-notice';
import { Panel } from '@/components/panel';
import { Stat } from '@/components/stat';
import { figure, interval, percent } from '@/lib/format';

import { type Cell, paperQuery, predictionsQuery, type Run } from './api';
import { Comparators } from './comparators';
import { countsAt } from './confusion';
import { ConfusionPanel } from './confusion-panel';
import { MetricsTable, PaperFindings } from './metrics-table';
import { Groups } from './groups';
import { CalibrationChart, NetBenefitChart, PrChart } from './more-charts';
import { PartsPanel } from './parts-panel';
import { PatientsPanel } from './patients-panel';
import { Provenance } from './provenance';
import type { RunResult } from './result';
import { RocChart } from './roc-chart';
import { RunLog } from './run-log';
import { TrainingPanel } from './training-panel';
import { TrustSummary } from './trust-summary';
import { HazardPanel, Policies, ReaderCeiling } from './views-panel';
import { AdjudicationPanel, LearningCurve } from './what-if';

/** A published run. Every figure comes from the stored scores; the slider only re-cuts them. */
export function RunResultView({ run, result }: { run: Run; result: RunResult }) {
  const { metrics } = result;
  const predictions = useQuery(predictionsQuery(run.id));
  const paper = useQuery(paperQuery);
  const [moved, setMoved] = useState<number | null>(null);
  const [cell, setCell] = useState<Cell | null>(null);
  const test = useMemo(() => predictions.data?.filter((row) => row.split === 'test') ?? [], [predictions.data]);
  const perFold = result.split.folds.length > 1;
  const at = perFold ? 'at the folds’ own thresholds' : 'at the stored threshold';
  const threshold = moved ?? metrics.threshold;
  const exploring = moved !== null && moved !== metrics.threshold && test.length > 0;
  const counts = exploring ? countsAt(test, threshold) : metrics.confusion;

  return (
    <Stack>
      {result.warnings?.map((warning) => <Alert key={warning} color="yellow" title="Read with care">{warning}</Alert>)}
      <SimpleGrid cols={{ base: 2, sm: 5 }}>
        <Stat label="AUC" value={figure(metrics.auc?.value)} hint={`95 % CI ${interval(metrics.auc?.low, metrics.auc?.high, 2)}`} />
        <Stat label="Sensitivity" value={figure(metrics.table.sensitivity?.value)} hint={at} />
        <Stat label="Specificity" value={figure(metrics.table.specificity?.value)} hint={at} />
        <Stat label="Test patients" value={metrics.n} hint={`${metrics.positives} developed deformity (${percent(metrics.positives / metrics.n)})`} />
        <Stat label="AUPRC" value={figure(metrics.auprc)} hint={metrics.auprc_ci ? `95 % CI ${interval(metrics.auprc_ci[0], metrics.auprc_ci[1], 2)}; prevalence ${figure(metrics.positives / metrics.n, 2)}` : `prevalence ${figure(metrics.positives / metrics.n, 2)}`} />
      </SimpleGrid>
      {predictions.isError && <ErrorNotice error={predictions.error} title="The scores could not be loaded: the slider is off" />}
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Panel title="Discrimination" h="100%">
            <Tabs defaultValue="roc" keepMounted={false}>
              <Tabs.List mb="sm">
                <Tabs.Tab value="roc">ROC</Tabs.Tab>
                <Tabs.Tab value="pr">Precision–recall</Tabs.Tab>
                <Tabs.Tab value="calibration">Calibration</Tabs.Tab>
                <Tabs.Tab value="benefit">Net benefit</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="roc"><RocChart metrics={metrics} counts={counts} exploring={exploring} readers={result.readers?.rows} /></Tabs.Panel>
              <Tabs.Panel value="pr"><PrChart metrics={metrics} counts={counts} exploring={exploring} /></Tabs.Panel>
              <Tabs.Panel value="calibration"><CalibrationChart metrics={metrics} before={result.metrics_uncalibrated} /></Tabs.Panel>
              <Tabs.Panel value="benefit"><NetBenefitChart metrics={metrics} /></Tabs.Panel>
            </Tabs>
          </Panel>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Panel title="Confusion matrix" hint="Choose a cell to list its patients." h="100%">
            <ConfusionPanel
              counts={counts}
              threshold={threshold}
              stored={metrics.threshold}
              perFold={perFold}
              exploring={exploring}
              onThreshold={(value) => setMoved(test.length ? value : null)}
              cell={cell}
              onCell={setCell}
            />
          </Panel>
        </Grid.Col>
      </Grid>
      <Panel title="Figures" hint={exploring ? 'At the explored threshold: not the run’s result.' : `${at.replace('at', 'At')}, patient as the unit.`}>
        <MetricsTable metrics={metrics} counts={counts} exploring={exploring} paper={paper.data} />
        {paper.data && paper.data.findings.length > 0 && <div style={{ marginTop: 12 }}><PaperFindings paper={paper.data} /></div>}
      </Panel>
      <PatientsPanel run={run.id} rows={test} threshold={threshold} exploring={exploring} cell={cell} onCell={setCell} />
      <TrustSummary run={run.id} />
      <Comparators result={result} />
      <Groups result={result} />
      <ReaderCeiling result={result} />
      <AdjudicationPanel run={run} />
      <Policies result={result} />
      <HazardPanel result={result} />
      <LearningCurve run={run} />
      <TrainingPanel result={result} />
      <PartsPanel run={run} />
      <Panel
        title="Provenance"
        hint="The same label set, recipe and seed give the same figures on the same kind of CPU with the same threads and number format."
        actions={
          <Group gap="xs">
            <Download href={`/api/runs/${run.id}/predictions.csv`} label="Scores (CSV)" />
            <Download href={`/api/label-sets/${run.label_set}/manifest.json`} label="Manifest" />
            <Download href={`/api/runs/${run.id}/model-card.md`} label="Model card" />
            {run.networks.length > 0 && <Download href={`/api/runs/${run.id}/bundle.zip`} label="Bundle (zip)" />}
            {run.networks.map((name) => <Download key={name} href={`/api/runs/${run.id}/networks/${name}`} label={name} />)}
          </Group>
        }
      >
        <Provenance run={run} result={result} />
      </Panel>
      <RunLog id={run.id} active={false} />
    </Stack>
  );
}

function Download({ href, label }: { href: string; label: string }) {
  return (
    <Button component="a" href={href} download size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
      {label}
    </Button>
  );
}
