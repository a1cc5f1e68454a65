import { Button, Stack } from '@mantine/core';
import { IconChecklist, IconFileDescription, IconTable, IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';
import { Link, useLocation } from 'react-router';

import { EmptyState } from '@/components/empty-state';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { count } from '@/lib/format';

import { flowQuery, reviewQueueQuery } from './api';
import { FlowPanel } from './flow-panel';
import { PatientTable } from './patient-table';
import { SiteTable } from './site-table';

export function CohortPage() {
  const flow = useQuery(flowQuery);
  return (
    <>
      <PageHeader
        title="Cohort"
        description="Who was imaged, who is studied, and why the others are not. Counted from exclusion records, so it always sums."
        actions={<Pages />}
      />
      <QueryView query={flow} label="Counting the flow">
        {(data) =>
          (data.steps[0]?.remaining ?? 0) === 0 ? (
            <Panel title="Patient flow">
              <EmptyState
                title="No patients yet"
                action={<Button component={Link} to="/cohort/import">Import a cohort</Button>}
              >
                Start with patients.csv and the three files beside it, then add the DICOM images.
              </EmptyState>
            </Panel>
          ) : (
            <Stack>
              <FlowPanel flow={data} />
              {data.sites.length > 1 && <SiteTable flow={data} />}
              <PatientsAnchor>
                <Panel title="Patients" hint="Pseudonyms only; dates are shifted by a number of days that differs by patient.">
                  <PatientTable steps={data.steps} />
                </Panel>
              </PatientsAnchor>
            </Stack>
          )
        }
      </QueryView>
    </>
  );
}

function Pages() {
  const queue = useQuery(reviewQueueQuery());
  const waiting = queue.data?.progress.waiting ?? 0;
  return (
    <>
      <Button component={Link} to="/cohort/chart-review" variant={waiting ? 'light' : 'default'} leftSection={<IconChecklist size={16} aria-hidden />}>
        {waiting ? `Chart review (${count(waiting)} wait)` : 'Chart review'}
      </Button>
      <Button component={Link} to="/cohort/table-1" variant="default" leftSection={<IconTable size={16} aria-hidden />}>Table 1</Button>
      <Button component={Link} to="/cohort/criteria" variant="default" leftSection={<IconFileDescription size={16} aria-hidden />}>Criteria</Button>
      <Button component={Link} to="/cohort/import" leftSection={<IconUpload size={16} aria-hidden />}>Import</Button>
    </>
  );
}

/** A box of the flow links here; the list may be drawn only after the link was followed. */
function PatientsAnchor({ children }: { children: ReactNode }) {
  const { hash, key } = useLocation();
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (hash === '#patients') element.current?.scrollIntoView({ block: 'start' });
  }, [hash, key]);
  return <div id="patients" ref={element} style={{ scrollMarginTop: 60 }}>{children}</div>;
}
