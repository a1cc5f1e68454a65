import { Anchor, Badge, Box, Button, Group, Loader, Text } from '@mantine/core';
import { IconKeyboard, IconSignature } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useNavigate } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { CheatSheet } from '@/components/scoring/cheat-sheet';
import { FormHistory, type Place } from '@/components/scoring/form-history';
import { roomAction, roomKeys } from '@/components/scoring/room-keys';
import {
  copyGrades, emptyScan, type Grade, isFinding, isUnreadable, keySeries, keySlices, type Missing, missingOf, type Rubric, rowsOf, setSeries,
  toggleKeySlice,
} from '@/components/scoring/rubric';
import { ConflictDialog, SaveState } from '@/components/scoring/save-state';
import { SeriesNotice } from '@/components/scoring/series-notice';
import { SideButton } from '@/components/scoring/side-button';
import type { SeriesFailure } from '@/components/scoring/use-scans';
import { isBehind } from '@/lib/draft-state';
import { isHeard, isHeld } from '@/lib/keys';
import { usePreference } from '@/lib/preference';
import { sameJson } from '@/lib/same-json';
import { handleViewerKey, type Measurement, type StackScan, StackPair, type ViewerHandle } from '@/viewer';

import { type ReadingCase, type ReadSource, STUDY } from './api';
import { AmendButton } from './amend-button';
import { describeDifferences } from './describe-differences';
import { PROPOSED_FINDING, proposalFor } from './proposal';
import classes from './reading.module.css';
import { ScorePanel } from './score-panel';
import { SignDialog } from './sign-dialog';
import { useReadingDraft } from './use-reading-draft';

interface Props {
  source?: ReadSource;
  username: string;
  rubric: Rubric;
  opened: ReadingCase;
  scans: StackScan[] | null;
  imageError: unknown;
  onRetryImages: () => void;
  /** Another series of a scan is to be shown; tells which one then is, as `useScans` does. */
  onSeries: (scan: string, series: number) => Promise<number | null>;
  seriesFailure?: SeriesFailure | null;
  /** The case is another one on the server now: signed, or open for amendment. */
  onChanged: () => void;
  /** Of the reader's own cases. */
  progress?: { signed: number; total: number };
}

/** What a change is, so that it can be undone. */
export type Edit = Place & { merge?: string };

export interface Cursor {
  scan: string;
  row: number;
  /** The reader sent it there, so the keyboard's focus goes along; not where it follows an image. */
  focus?: boolean;
}

/** Of a comment or of a reason to exclude: one of them is there at a time. */
export type TextField = HTMLTextAreaElement & HTMLInputElement;

const ACTS = [
  'grade', 'move', 'scan', 'same', 'sameAll', 'accept', 'comment', 'keySlice', 'showKeySlice', 'examples', 'undo', 'sign', 'help',
] as const;
/** What is left to do in a signed read. */
const LOOKING = ['move', 'scan', 'showKeySlice', 'examples', 'help'] as const;

/** Images on the left, scores on the right, the keyboard over both. */
export function ReadingRoom({ source = STUDY, username, rubric, opened, scans, imageError, onRetryImages, onSeries, seriesFailure, onChanged, progress }: Props) {
  const { code } = opened;
  const navigate = useNavigate();
  const client = useQueryClient();
  const scanKeys = useMemo(() => opened.scans.map(({ key }) => key), [opened.scans]);
  const rows = useMemo(() => rowsOf(rubric), [rubric]);
  const [history] = useState(() => new FormHistory());
  const [draft, keeper, work] = useReadingDraft(opened, source, username, scanKeys, onChanged);
  const readOnly = opened.reading.state === 'signed' || draft.status === 'ended';
  const keys = useMemo(() => roomKeys(readOnly ? LOOKING : ACTS, scanKeys.length), [readOnly, scanKeys]);
  const { content } = draft.body;
  const [cursor, setCursor] = useState<Cursor>({ scan: scanKeys[0] ?? '', row: 0, focus: true });
  const [missing, setMissing] = useState<Missing[]>([]);
  const [help, setHelp] = useState(false);
  const [signing, setSigning] = useState(false);
  const viewer = useRef<ViewerHandle>(null);
  const [preset, setPreset] = usePreference(username, 'window-preset', 0);
  const [side, setSide] = usePreference<'left' | 'right'>(username, 'scores-side', 'right');
  const [keysAnywhere, setKeysAnywhere] = usePreference(username, 'keys-anywhere', true);
  const [examples, setExamples] = usePreference(username, 'examples', false);
  const comment = useRef<TextField>(null);

  const moveTo = useCallback((next: Cursor) => {
    setCursor({ ...next, focus: true });
    viewer.current?.setActive(next.scan);
  }, []);

  /** Changes the form; what the reader does to it, rather than what follows from that, has a place. */
  const edit = useCallback(
    (change: (body: typeof content) => typeof content, done: Edit | null) => {
      if (readOnly) return;
      const { body } = keeper.getState();
      const changed = change(body.content);
      if (sameJson(changed, body.content)) return;
      if (done) {
        history.record(body.content, changed, done, done.merge);
        viewer.current?.settle();
      }
      keeper.change({ ...body, content: changed });
      setMissing((before) => {
        const still = missingOf(changed, rubric, scanKeys);
        return before.filter((gap) => still.some(({ scan, finding }) => scan === gap.scan && finding === gap.finding));
      });
    },
    [history, keeper, readOnly, rubric, scanKeys],
  );

  const grade = useCallback(
    (scan: string, row: string, value: Grade) => edit((now) => history.setValue(now, scan, row, value), { scan, row }),
    [edit, history],
  );
  /** The first scan's grade, or every one, for the second; nothing without a second. */
  const same = useCallback(
    (row: string, all: boolean) => {
      const [first = '', second = ''] = scanKeys;
      edit((now) => (all ? copyGrades(now, first, second) : history.copyValue(now, first, second, row)), { scan: second, row });
    },
    [edit, history, scanKeys],
  );
  const accept = useCallback(() => {
    const { body } = keeper.getState();
    const proposal = proposalFor(cursor.scan, body.content, body.measurements);
    if (!proposal || readOnly) return;
    // What changes is seen to change, whichever finding was in hand.
    moveTo({ scan: cursor.scan, row: rows.findIndex(({ key }) => key === PROPOSED_FINDING) });
    grade(cursor.scan, PROPOSED_FINDING, proposal.grade);
  }, [cursor.scan, grade, keeper, moveTo, readOnly, rows]);
  /** The last of what was done to the form and on the images. */
  const step = useCallback(
    (way: 'undo' | 'redo') => {
      if (readOnly) return;
      const found = history[way](keeper.getState().body.content, (act) => viewer.current?.[way](act) ?? false);
      if (!found) return;
      edit(() => found.content, null);
      moveTo({ scan: found.place.scan, row: rows.findIndex(({ key }) => key === found.place.row) });
    },
    [edit, history, keeper, moveTo, readOnly, rows],
  );

  const onMeasurements = useCallback(
    (measurements: Measurement[]) => {
      if (!readOnly) keeper.change({ ...keeper.getState().body, measurements });
    },
    [keeper, readOnly],
  );

  // The draft has the number of what is on screen: one that cannot be shown is not kept.
  const pickSeries = useCallback(
    (scan: string, series: number) => {
      void onSeries(scan, series).then((shown) => {
        if (shown !== null) edit((now) => setSeries(now, scan, shown), null);
      });
    },
    [edit, onSeries],
  );
  // What is on screen follows the draft: a kept one, or one from another tab, brings its series with it.
  const shownSeries = scanKeys.map((key) => content[key]?.series ?? 0).join();
  useEffect(() => {
    shownSeries.split(',').forEach((series, index) => pickSeries(scanKeys[index] ?? '', Number(series)));
  }, [pickSeries, scanKeys, shownSeries]);

  const goToMissing = useCallback(
    (gaps: Missing[]) => {
      setMissing(gaps);
      const [first] = gaps;
      if (first) moveTo({ scan: first.scan, row: rows.findIndex(({ key }) => key === first.finding) });
    },
    [moveTo, rows],
  );

  const askToSign = useCallback(() => {
    if (readOnly) return;
    const gaps = missingOf(keeper.getState().body.content, rubric, scanKeys);
    goToMissing(gaps);
    if (gaps.length === 0) setSigning(true);
  }, [goToMissing, keeper, readOnly, rubric, scanKeys]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || !isHeard(event, keysAnywhere) || document.querySelector('[role="dialog"]')) return;
      const { scan, row } = cursor;
      const finding = rows[row];
      const action = roomAction(event, finding, keys);
      const handle = viewer.current;
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea');
      if (isHeld(event) && !typing) {
        event.preventDefault();
        return;
      }
      if (!action) {
        if (!typing && handle && handleViewerKey(handle, event)) event.preventDefault();
        return;
      }
      event.preventDefault();
      switch (action.type) {
        case 'grade':
          if (finding && action.option.value !== null) grade(scan, finding.key, action.option.value);
          // The form is in hand now: the arrow that follows is to go on in it, not to move what was measured.
          if (document.activeElement?.matches('[data-point]')) moveTo({ scan, row });
          break;
        case 'move':
          moveTo({ scan, row: Math.min(rows.length - 1, Math.max(0, row + action.by)) });
          break;
        case 'scan':
          moveTo({ scan: scanKeys[action.index] ?? scan, row });
          break;
        case 'same':
        case 'sameAll':
          if (finding) same(finding.key, action.type === 'sameAll');
          break;
        case 'accept':
          accept();
          break;
        case 'undo':
        case 'redo':
          step(action.type);
          break;
        case 'keySlice': {
          const slice = finding && isFinding(finding.key) ? handle?.drawnSlice(scan) : null;
          if (finding && slice != null) edit((now) => toggleKeySlice(now, scan, finding.key, slice), { scan, row: finding.key });
          break;
        }
        case 'showKeySlice': {
          const scored = keeper.getState().body.content[scan];
          const slice = finding && scored?.key_slices[finding.key];
          if (slice !== undefined && finding && scored) handle?.goTo(slice, scan, keySeries(scored, finding.key));
          break;
        }
        case 'comment':
          comment.current?.focus();
          break;
        case 'examples':
          setExamples(!examples);
          break;
        case 'sign':
          askToSign();
          break;
        case 'help':
          setHelp(true);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [accept, askToSign, cursor, edit, examples, grade, keeper, keys, keysAnywhere, moveTo, rows, same, scanKeys, setExamples, step]);

  const marks = useMemo(
    () => Object.fromEntries(scanKeys.map((key) => [key, keySlices(content[key] ?? emptyScan())])),
    [content, scanKeys],
  );
  const { canUndo, canRedo } = history;
  const undoing = useMemo(() => ({ step, canUndo, canRedo }), [step, canUndo, canRedo]);
  const goOn = (next: string | null) => {
    void client.invalidateQueries({ queryKey: ['qualification'] });
    void navigate(next ? `${source.room}/${next}` : source.home.to);
  };

  return (
    <div className={classes.room} data-side={side}>
      <header className={classes.header}>
        <Group gap="md" wrap="nowrap">
          <Anchor component={Link} to={source.home.to} size="sm">
            ← {source.home.label}
          </Anchor>
          <Text component="h1" size="md" fw={600} data-testid="case-code">
            Case {code}
          </Text>
          {opened.purpose && <Badge color="grape" tt="none">Phantom, {opened.purpose === 'training' ? 'for training' : 'for qualification'}</Badge>}
          {readOnly ? (
            <Text size="sm" title={`SHA-256 of what was signed: ${opened.reading.content_hash}`}>
              Signed, for reading only <Text span inherit ff="monospace" c="gray.5" data-testid="signed-hash">{opened.reading.content_hash.slice(0, 8)}</Text>
            </Text>
          ) : <SaveState state={draft} keeper={keeper} />}
          {progress && <Text size="xs" c="gray.5" data-testid="progress">{progress.signed} of {progress.total} read</Text>}
        </Group>
        <Group gap="xs" wrap="nowrap">
          <Text size="xs" c="gray.5" visibleFrom="lg">
            Research use only – not a medical device
          </Text>
          <SideButton side={side} onSide={setSide} />
          <Button variant="subtle" size="compact-sm" leftSection={<IconKeyboard size={16} aria-hidden />} aria-keyshortcuts="?" onClick={() => setHelp(true)}>
            Keys
          </Button>
          {readOnly ? (
            <>
              {opened.amendable && <AmendButton code={code} onAmended={onChanged} />}
              <Button size="compact-md" onClick={() => goOn(opened.next)}>
                {opened.next ? 'Next case' : source.home.label}
              </Button>
            </>
          ) : (
            <Button size="compact-md" leftSection={<IconSignature size={16} aria-hidden />} aria-keyshortcuts="Enter" onClick={askToSign}>
              Sign
            </Button>
          )}
        </Group>
      </header>
      <main className={classes.images} id="main">
        {seriesFailure && <SeriesNotice failure={seriesFailure} onAgain={pickSeries} />}
        {scans ? (
          <Suspense fallback={<Waiting />}>
            <StackPair
              ref={viewer}
              scans={scans}
              measurements={draft.body.measurements}
              onMeasurementsChange={onMeasurements}
              onMeasured={(act) => history.recordElsewhere(act)}
              undoing={readOnly ? undefined : undoing}
              onSeriesChange={pickSeries}
              active={cursor.scan}
              onActiveChange={(scan) => setCursor((now) => (now.scan === scan ? now : { scan, row: now.row }))}
              marks={marks}
              readOnly={readOnly}
              preset={preset}
              onPresetChange={setPreset}
              keyboard={false}
            />
          </Suspense>
        ) : imageError ? (
          <Box p="md">
            <ErrorNotice error={imageError} title="The images cannot be shown" onRetry={onRetryImages} />
          </Box>
        ) : (
          <Waiting />
        )}
      </main>
      <ScorePanel
        rubric={rubric}
        rows={rows}
        scans={opened.scans}
        history={history}
        content={content}
        categories={isBehind(draft) ? {} : draft.extra}
        settled={draft.status === 'saved'}
        measurements={draft.body.measurements}
        cursor={cursor}
        missing={missing}
        feedback={opened.feedback ?? null}
        readOnly={readOnly}
        examples={examples}
        onExamples={() => setExamples(!examples)}
        commentRef={comment}
        viewer={viewer}
        onCursor={moveTo}
        onGrade={grade}
        onSame={same}
        onEdit={edit}
      />
      <CheatSheet opened={help} onClose={() => setHelp(false)} keys={keys} scans={scanKeys.length} locked={readOnly} anywhere={keysAnywhere} onAnywhere={setKeysAnywhere} />
      <ConflictDialog
        state={draft}
        keeper={keeper}
        happened="This case was saved in another tab or on another computer after this page was opened. Choose which draft goes on; the other can be taken back until you sign."
        describe={(mine, theirs) => describeDifferences(mine, theirs, rows, opened.scans)}
      />
      <SignDialog
        opened={signing}
        code={code}
        source={source}
        withFeedback={opened.purpose !== undefined}
        scans={opened.scans.map(({ key, label }) => ({ key, label, unreadable: isUnreadable(content[key] ?? emptyScan()) }))}
        keeper={keeper}
        work={work}
        onClose={() => setSigning(false)}
        onMissing={(gaps) => {
          setSigning(false);
          // Later than the dialog gives the focus back, which takes the cursor along.
          window.setTimeout(() => goToMissing(gaps), 50);
        }}
        onNext={goOn}
        onChanged={onChanged}
      />
    </div>
  );
}

function Waiting() {
  return (
    <Group justify="center" h="100%" role="status">
      <Loader size="sm" />
      <Text size="sm">Loading the images…</Text>
    </Group>
  );
}
