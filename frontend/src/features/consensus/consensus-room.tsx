import { Alert, Anchor, Box, Button, Group, Loader, Text } from '@mantine/core';
import { IconKeyboard } from '@tabler/icons-react';
import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Link } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { AsideNote } from '@/components/scoring/aside-note';
import { CheatSheet } from '@/components/scoring/cheat-sheet';
import { describeContent } from '@/components/scoring/describe-content';
import { FormHistory, type Place } from '@/components/scoring/form-history';
import { isMeasuring, roomAction, roomKeys } from '@/components/scoring/room-keys';
import { SideButton } from '@/components/scoring/side-button';
import {
  complete, type Content, emptyScan, EXCLUSION, type Grade, keySlices, type Missing, missingOf, type Rubric, rowsOf,
  setExclusionText,
} from '@/components/scoring/rubric';
import { ConflictDialog, SaveState } from '@/components/scoring/save-state';
import { SeriesNotice } from '@/components/scoring/series-notice';
import { useDraft } from '@/components/scoring/use-draft';
import type { SeriesFailure } from '@/components/scoring/use-scans';
import { DraftKeeper } from '@/lib/draft-keeper';
import { isBehind } from '@/lib/draft-state';
import { consensusDraft, draftStore } from '@/lib/draft-store';
import { isHeard, isHeld } from '@/lib/keys';
import { usePreference } from '@/lib/preference';
import { sameJson } from '@/lib/same-json';
import { handleViewerKey, type Measurement, type StackScan, StackPair, type ViewerHandle } from '@/viewer';

import { AgreedForm } from './agreed-form';
import { type Categories, saveAgreed, type Session } from './api';
import classes from './consensus.module.css';
import { KeySliceTurns } from './key-slices';
import { linesOf } from './lines';
import { type Act, type Asked, SettleDialog } from './settle-dialog';

interface Props {
  username: string;
  rubric: Rubric;
  session: Session;
  scans: StackScan[] | null;
  imageError: unknown;
  onRetryImages: () => void;
  onSeries: (scan: string, series: number) => void;
  seriesFailure: SeriesFailure | null;
  onChanged: () => void;
}

const EMPTY: Partial<Content> = {};
const ACTS = ['grade', 'move', 'scan', 'same', 'showKeySlice', 'undo', 'sign', 'help'] as const;
const WORDS = {
  same: 'Follow-up same as baseline, for this finding of the agreed form',
  showKeySlice: 'Go to the key slice; again: to the other observer’s',
  undo: 'Undo, redo what you changed in the agreed form',
  sign: 'Propose, or confirm; jumps to what is still missing',
};

/** Both reads and the images side by side, and the one read that both can sign. */
export function ConsensusRoom({ username, rubric, session, scans, imageError, onRetryImages, onSeries, seriesFailure, onChanged }: Props) {
  const { code, agreed } = session;
  const keys = useMemo(() => session.scans.map(({ key }) => key), [session.scans]);
  const rows = useMemo(() => rowsOf(rubric), [rubric]);
  const listened = useMemo(() => roomKeys(ACTS, keys.length, WORDS), [keys]);
  const [history] = useState(() => new FormHistory());
  const [turns] = useState(() => new KeySliceTurns());
  const reads = useMemo(() => {
    const of = (who: 'you' | 'other') => session.reads.find((read) => read.who === who);
    const content = (who: 'you' | 'other') => complete((of(who)?.content ?? EMPTY) as Partial<Content>, keys);
    return { you: of('you'), other: of('other'), yours: content('you'), theirs: content('other') };
  }, [session.reads, keys]);
  const lines = useMemo(() => linesOf(rows, session.scans, reads.yours, reads.theirs), [rows, session.scans, reads]);
  const [draft, keeper] = useDraft<Content, Categories>(
    () =>
      new DraftKeeper<Content, Categories>({
        revision: agreed.revision,
        body: complete(agreed.content as Partial<Content>, keys),
        extra: agreed.categories,
        save: (revision, body, keepalive) => saveAgreed(code, revision, body, keepalive),
        staleBody: ({ body }) => {
          const { current } = body as { current?: { revision: number; content: Partial<Content>; categories: Categories } };
          return current ? { revision: current.revision, body: complete(current.content, keys), extra: current.categories } : null;
        },
        store: draftStore<Content>(username, consensusDraft(code)),
        same: sameJson,
      }),
  );
  const [cursor, setCursor] = useState(0);
  const [missing, setMissing] = useState<Missing[]>([]);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [help, setHelp] = useState(false);
  const [keysAnywhere, setKeysAnywhere] = usePreference(username, 'keys-anywhere', true);
  const [preset, setPreset] = usePreference(username, 'window-preset', 0);
  const [side, setSide] = usePreference<'left' | 'right'>(username, 'scores-side', 'right');
  const viewer = useRef<ViewerHandle>(null);

  // The other observer saved: take it over unless something here is not sent yet.
  useEffect(() => {
    keeper.adopt(agreed.revision, complete(agreed.content as Partial<Content>, keys), agreed.categories);
  }, [agreed, keeper, keys]);

  const edit = useCallback(
    (change: (content: Content) => Content, done: (Place & { merge?: string }) | null) => {
      const before = keeper.getState().body;
      const after = change(before);
      if (sameJson(after, before)) return;
      if (done) history.record(before, after, done, done.merge);
      keeper.change(after);
      setMissing((gaps) => gaps.filter((gap) => missingOf(after, rubric, keys).some((still) => sameJson(still, gap))));
    },
    [history, keeper, keys, rubric],
  );
  const grade = useCallback(
    (scan: string, row: string, value: Grade) => edit((content) => history.setValue(content, scan, row, value), { scan, row }),
    [edit, history],
  );
  const moveTo = useCallback(
    (index: number) => {
      const next = Math.min(lines.length - 1, Math.max(0, index));
      setCursor(next);
      viewer.current?.setActive(lines[next]?.scan ?? '');
    },
    [lines],
  );

  const step = useCallback(
    (way: 'undo' | 'redo') => {
      const found = history[way](keeper.getState().body);
      if (!found) return;
      edit(() => found.content, null);
      moveTo(lines.findIndex(({ scan, row }) => scan === found.place.scan && row.key === found.place.row));
    },
    [edit, history, keeper, lines, moveTo],
  );

  const { canUndo, canRedo } = history;
  const undoing = useMemo(() => ({ step, canUndo, canRedo }), [step, canUndo, canRedo]);

  // Who proposed what is on screen; nobody did once something here differs from it.
  const proposedBy = draft.status === 'saved' && draft.revision === agreed.revision ? (agreed.proposed_by ?? null) : null;
  const ask = useCallback(
    (act: Act) => {
      const { revision, body } = keeper.getState();
      setAsked({ act, revision, content: body });
    },
    [keeper],
  );
  const close = useCallback(() => setAsked(null), []);

  const askToSign = useCallback(() => {
    if (proposedBy) {
      if (proposedBy === 'other') ask('confirm');
      return;
    }
    const gaps = missingOf(keeper.getState().body, rubric, keys);
    setMissing(gaps);
    const [first] = gaps;
    if (first) moveTo(lines.findIndex(({ scan, row }) => scan === first.scan && row.key === first.finding));
    else ask('propose');
  }, [ask, keeper, keys, lines, moveTo, proposedBy, rubric]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || !isHeard(event, keysAnywhere) || document.querySelector('[role="dialog"]')) return;
      const line = lines[cursor];
      const action = roomAction(event, line?.row, listened);
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea');
      if (isHeld(event) && !typing) {
        event.preventDefault();
        return;
      }
      if (!action || !line) {
        if (!typing && !isMeasuring(event) && viewer.current && handleViewerKey(viewer.current, event)) event.preventDefault();
        return;
      }
      event.preventDefault();
      if (action.type === 'grade' && action.option.value !== null) grade(line.scan, line.row.key, action.option.value);
      else if (action.type === 'move') moveTo(cursor + action.by);
      else if (action.type === 'scan') viewer.current?.setActive(keys[action.index] ?? '');
      else if (action.type === 'same') {
        const [from = '', to = ''] = keys;
        edit((content) => history.copyValue(content, from, to, line.row.key), { scan: to, row: line.row.key });
      } else if (action.type === 'undo' || action.type === 'redo') step(action.type);
      else if (action.type === 'showKeySlice') {
        const next = turns.next([reads.yours, reads.theirs], line.scan, line.row.key);
        if (next) viewer.current?.goTo(next.slice, line.scan, next.series);
      } else if (action.type === 'sign') askToSign();
      else if (action.type === 'help') setHelp(true);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [askToSign, cursor, edit, grade, history, keys, keysAnywhere, lines, listened, moveTo, reads, step, turns]);

  const measurements = useMemo(
    () => [...(reads.you?.measurements ?? []), ...(reads.other?.measurements ?? [])] as Measurement[],
    [reads],
  );
  const marks = useMemo(
    () =>
      Object.fromEntries(
        keys.map((key) => {
          const series = scans?.find((scan) => scan.key === key)?.series ?? 0;
          return [key, [reads.yours, reads.theirs].flatMap((read) => keySlices(read[key] ?? emptyScan(), series))];
        }),
      ),
    [keys, reads, scans],
  );

  return (
    <div className={classes.room} data-side={side}>
      <header className={classes.header}>
        <Group gap="md" wrap="nowrap">
          <Anchor component={Link} to="/" size="sm">← Worklist</Anchor>
          <Text component="h1" size="md" fw={600}>Consensus {code}</Text>
          <SaveState state={draft} keeper={keeper} />
        </Group>
        <Group gap="xs" wrap="nowrap">
          <SideButton side={side} onSide={setSide} />
          <Button variant="subtle" size="compact-sm" leftSection={<IconKeyboard size={16} aria-hidden />} aria-keyshortcuts="?" onClick={() => setHelp(true)}>Keys</Button>
          <Button variant="default" size="compact-md" onClick={() => ask('decline')}>No consensus</Button>
          <Button size="compact-md" disabled={proposedBy === 'you'} onClick={askToSign}>
            {proposedBy === 'other' ? 'Confirm' : proposedBy === 'you' ? 'Proposed' : 'Propose'}
          </Button>
        </Group>
      </header>
      <main className={classes.images} id="main">
        {seriesFailure && <SeriesNotice failure={seriesFailure} onAgain={onSeries} />}
        {scans ? (
          <Suspense fallback={<Loader size="sm" />}>
            <StackPair ref={viewer} scans={scans} measurements={measurements} marks={marks} onSeriesChange={onSeries} preset={preset} onPresetChange={setPreset} undoing={undoing} readOnly keyboard={false} />
          </Suspense>
        ) : imageError ? (
          <Box p="md"><ErrorNotice error={imageError} title="The images cannot be shown" onRetry={onRetryImages} /></Box>
        ) : (
          <Group justify="center" h="100%" role="status"><Loader size="sm" /></Group>
        )}
      </main>
      <aside className={classes.panel} aria-label="Both reads">
        <Standing proposedBy={proposedBy} />
        <AsideNote history={history} content={draft.body} rubric={rubric} scans={session.scans} />
        {missing.length > 0 && (
          <Text role="alert" size="sm" c="yellow.4" px="sm" py={4}>
            {missing.length === 1 ? 'One finding is' : `${missing.length} findings are`} still to be agreed on.
          </Text>
        )}
        <AgreedForm
          lines={lines}
          agreed={draft.body}
          categories={{ yours: reads.you?.categories ?? {}, theirs: reads.other?.categories ?? {}, agreed: isBehind(draft) ? {} : draft.extra }}
          scans={session.scans}
          cursor={cursor}
          missing={missing}
          onCursor={moveTo}
          onGrade={grade}
          onExclusionText={(scan, text) => edit((content) => setExclusionText(content, scan, text), { scan, row: EXCLUSION, merge: `reason ${scan}` })}
        />
      </aside>
      <CheatSheet opened={help} onClose={() => setHelp(false)} keys={listened} scans={keys.length} locked anywhere={keysAnywhere} onAnywhere={setKeysAnywhere} />
      <ConflictDialog
        state={draft}
        keeper={keeper}
        happened="The other observer, or you in another tab, saved the agreed form while it was being changed here. Choose which one goes on; the other can be taken back until the read is final."
        describe={(mine, theirs) => describeContent(mine, theirs, rows, session.scans)}
      />
      <SettleDialog asked={asked} code={code} keeper={keeper} shown={draft.body} proposed={proposedBy === 'other'} onClose={close} onDone={onChanged} />
    </div>
  );
}

function Standing({ proposedBy }: { proposedBy: 'you' | 'other' | null }) {
  if (proposedBy === 'you') {
    return <Alert color="blue" radius={0} role="status">You proposed this read. The other observer confirms it in their own login; any change here withdraws it.</Alert>;
  }
  if (proposedBy === 'other') {
    return <Alert color="orange" radius={0} role="status">The other observer proposed this read. Confirm it, change it and propose yours, or say that there is no consensus.</Alert>;
  }
  return null;
}
