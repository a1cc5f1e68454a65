import { Alert, Button, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Link, useLocation, useSearchParams } from 'react-router';

import { EmptyState } from '@/components/empty-state';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';

import { type Flow, flowQuery } from './api';
import { FlowDiagram } from './flow-diagram';
import { PatientTable } from './patient-table';

const ALL = 'All sites';

export function CohortPage() {
  const flow = useQuery(flowQuery);
  return (
    <>
      <PageHeader
        title="Cohort"
        description="Who was imaged, who is studied, and why the others are not. Counted from exclusion records, so it always sums."
        actions={<Button component={Link} to="/cohort/import" leftSection={<IconUpload size={16} aria-hidden />}>Import</Button>}
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

/** A box of the flow links here; the list may be drawn only after the link was followed. */
function PatientsAnchor({ children }: { children: ReactNode }) {
  const { hash, key } = useLocation();
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (hash === '#patients') element.current?.scrollIntoView({ block: 'start' });
  }, [hash, key]);
  return <div id="patients" ref={element} style={{ scrollMarginTop: 60 }}>{children}</div>;
}

function FlowPanel({ flow }: { flow: Flow }) {
  const [params] = useSearchParams();
  const [site, setSite] = useState(ALL);
  const steps = flow.sites.find((item) => item.site === site)?.steps ?? flow.steps;
  const left = params.has('step');
  return (
    <Panel
      title="Patient flow"
      hint="Each box, and each reason, opens its patients below."
      actions={
        flow.sites.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label="Site"
            value={site}
            onChange={setSite}
            data={[ALL, ...flow.sites.map((item) => item.site)]}
          />
        )
      }
    >
      {site !== ALL && (
        <Alert variant="light" p="xs" mb="sm">
          <Text size="xs">Counts of {site} only; the boxes still open the patients of every site.</Text>
        </Alert>
      )}
      <FlowDiagram steps={steps} selected={{ step: params.get('step') ?? params.get('reached') ?? undefined, left }} />
    </Panel>
  );
}
