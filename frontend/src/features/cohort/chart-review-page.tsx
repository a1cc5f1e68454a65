import { Alert, Anchor, Badge, Button, Grid, Group, Kbd, Progress, Stack, Text, VisuallyHidden } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { Link, useSearchParams } from 'react-router';

import { EmptyState } from '@/components/empty-state';
import { KeysSwitch } from '@/components/keys-switch';
import { PageHeader } from '@/components/page-header';
import { Panel } from '@/components/panel';
import { QueryView } from '@/components/query-view';
import { messageOf } from '@/lib/errors';
import { count, dateTime } from '@/lib/format';
import { isHeard, isHeld, isPressable } from '@/lib/keys';
import { usePreference } from '@/lib/preference';
import { useUser } from '@/lib/session';

import { type PatientDetail, type QueuePlace, type RecentReview, reviewQueueQuery, useTakeBackDecision } from './api';
import { ChartFacts, Diagnoses, ExamTimeline, ExportNotes } from './chart-facts';
import { DecisionForm, useDecision } from './decision-form';
import { reviewAction } from './decisions';
import { ReviewHistory } from './review-history';
import { describeReason } from './wording';

/** The lead's queue: one chart at a time, by keyboard, each decision on record and undone until reading begins. */
export function ChartReviewPage() {
  const [params] = useSearchParams();
  const [place, setPlace] = useState<QueuePlace>({ at: params.get('at') ?? undefined });
  const queue = useQuery(reviewQueueQuery(place));
  const takeBack = useTakeBackDecision();
  const undo = (review: RecentReview) =>
    takeBack.mutate({ id: review.id, reason: '' }, { onSuccess: () => setPlace({ at: review.patient }) });
  return (
    <>
      <Anchor component={Link} to="/cohort" size="sm">← Cohort</Anchor>
      <PageHeader
        title="Chart review"
        description="Everybody whom the rules keep and whose chart nobody has decided on. A decision can be undone until readers get the patient’s scans."
      />
      <QueryView query={queue} label="Looking for charts that wait">
        {({ progress, patient, recent }) => (
          <Stack>
            <Reviewed {...progress} />
            {takeBack.isError && (
              <Alert color="orange" title="Not undone" withCloseButton onClose={() => takeBack.reset()}>{messageOf(takeBack.error)}</Alert>
            )}
            {patient ? (
              <Chart
                key={`${patient.pseudonym} ${patient.standing_review}`}
                patient={patient}
                recent={recent}
                busy={queue.isPlaceholderData || takeBack.isPending}
                onNext={() => setPlace({ after: patient.pseudonym })}
                onUndo={undo}
              />
            ) : (
              <>
                <Panel title="No chart waits">
                  <EmptyState title={progress.reached ? 'Every chart is decided' : 'Nobody reaches chart review yet'}>
                    {progress.reached
                      ? 'New patients appear here when a delivery brings them.'
                      : 'Import the cohort: patients whom every rule before chart review keeps come here.'}
                  </EmptyState>
                </Panel>
                <Recent rows={recent} pending={takeBack.isPending} onUndo={undo} />
              </>
            )}
          </Stack>
        )}
      </QueryView>
    </>
  );
}

function Reviewed({ reached, decided, waiting }: { reached: number; decided: number; waiting: number }) {
  return (
    <div>
      <Text size="sm" mb={4} aria-live="polite">
        <b>{count(decided)}</b> of {count(reached)} decided, <b>{count(waiting)}</b> {waiting === 1 ? 'waits' : 'wait'}
      </Text>
      <Progress value={reached ? (100 * decided) / reached : 0} aria-label="Charts decided" />
    </div>
  );
}

interface ChartProps {
  patient: PatientDetail;
  recent: readonly RecentReview[];
  busy: boolean;
  onNext: () => void;
  onUndo: (review: RecentReview) => void;
}

function Chart({ patient, recent, busy, onNext, onUndo }: ChartProps) {
  const note = useRef<HTMLTextAreaElement>(null);
  const [keysAnywhere, setKeysAnywhere] = usePreference(useUser()?.username ?? '', 'keys-anywhere', true);
  const state = useDecision(patient, onNext);
  const undoable = recent.find((row) => !row.taken_back_at && !row.frozen);

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (busy || event.defaultPrevented || !isHeard(event, keysAnywhere)) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    // The page's own note; any other field keeps its keys.
    const inNote = target !== null && target === note.current;
    if (!inNote && target?.matches('input:not([type="radio"]), textarea, select, [contenteditable="true"]')) return;
    const action = reviewAction(event, { note: inNote, pressable: isPressable(target) });
    if (!action) return;
    event.preventDefault();
    if (isHeld(event)) return;
    if (action.type === 'choose') state.choose(action.decision);
    else if (action.type === 'record') state.record();
    else if (action.type === 'note') note.current?.focus();
    else if (action.type === 'leave-note') note.current?.blur();
    else if (action.type === 'skip') onNext();
    else if (undoable) onUndo(undoable);
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);

  return (
    <Grid>
      <Grid.Col span={{ base: 12, md: 8 }}>
        <Panel
          title={`Patient ${patient.pseudonym}`}
          hint={<Anchor component={Link} to={`/cohort/patients/${patient.pseudonym}`} size="xs">Open the patient’s page with the images</Anchor>}
          actions={patient.phantom && <Badge color="gray" variant="outline">Phantom</Badge>}
        >
          <Stack gap="md">
            <ChartFacts patient={patient} />
            <ExportNotes notes={patient.notes} />
            <Diagnoses patient={patient} />
            <ExamTimeline patient={patient} />
            {patient.chart_reviews.length > 0 && <ReviewHistory patient={patient} />}
          </Stack>
        </Panel>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 4 }}>
        <Stack>
          <Panel
            title="Decision"
            actions={
              <Button size="compact-sm" variant="default" onClick={onNext} disabled={busy} rightSection={<Kbd size="xs" aria-hidden>S</Kbd>}>Skip</Button>
            }
          >
            <div data-keys>
              <DecisionForm state={state} noteRef={note} keys />
            </div>
          </Panel>
          <KeysSwitch anywhere={keysAnywhere} onAnywhere={setKeysAnywhere} at="a part of the decision" />
          <Recent rows={recent} pending={busy} onUndo={onUndo} />
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

function Recent({ rows, pending, onUndo }: { rows: readonly RecentReview[]; pending: boolean; onUndo: (row: RecentReview) => void }) {
  const newest = rows.find((row) => !row.taken_back_at && !row.frozen);
  return (
    <Panel title="Decided last" hint="By any lead, newest first.">
      {rows.length === 0 && <Text size="sm" c="dimmed">Nothing decided here yet.</Text>}
      <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
        {rows.map((row) => (
          <Group key={row.id} component="li" justify="space-between" align="flex-start" wrap="nowrap">
            <div>
              <Anchor component={Link} to={`/cohort/patients/${row.patient}`} size="sm" ff="monospace">{row.patient.slice(0, 10)}…</Anchor>
              <Text size="sm" td={row.taken_back_at ? 'line-through' : undefined}>{describeReason(row.decision)}</Text>
              <Text size="xs" c="dimmed">{row.note && `${row.note} · `}{row.decided_by}, {dateTime(row.decided_at)}{row.taken_back_by && ` · undone by ${row.taken_back_by}`}</Text>
            </div>
            {!row.taken_back_at && (row.frozen ? (
              <Text size="xs" c="dimmed">Reading began</Text>
            ) : (
              <Button
                size="compact-xs"
                variant="default"
                disabled={pending}
                onClick={() => onUndo(row)}
                rightSection={row === newest && <Kbd size="xs" aria-hidden>U</Kbd>}
              >
                Undo<VisuallyHidden> the decision on patient {row.patient}</VisuallyHidden>
              </Button>
            ))}
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}
