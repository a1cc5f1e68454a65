import { Anchor, Button, Text } from '@mantine/core';
import { IconAlertTriangle, IconShieldCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { Panel } from '@/components/panel';

import { trustQuery } from './api';
import { TrustJob } from './trust-job';

/** One line on the run's page; the tests and the gallery have their own. */
export function TrustSummary({ run }: { run: number }) {
  const trust = useQuery(trustQuery(run));
  if (!trust.data) return null;
  const { validated, statement } = trust.data;
  const Icon = validated ? IconShieldCheck : IconAlertTriangle;
  return (
    <Panel title="Saliency and trust" actions={<Button component={Link} to={`/runs/${run}/trust`} size="xs" variant="default">Trust report and gallery</Button>}>
      <Text size="sm"><Icon size={15} color={validated ? '#0b7285' : '#b45309'} aria-hidden style={{ verticalAlign: 'text-bottom' }} /> {statement}</Text>
      {!trust.data.report && <TrustJob run={run} trust={trust.data} />}
      <Text size="xs" c="dimmed">Each map can be saved as a DICOM parametric map or secondary capture from <Anchor component={Link} to={`/runs/${run}/trust`} size="xs">its patient’s page</Anchor>.</Text>
    </Panel>
  );
}
