import { Alert, Button, Group, Modal, Stack, Table, Text } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useState, useSyncExternalStore } from 'react';

import { PasswordDialog } from '@/components/scoring/password-dialog';
import { CATEGORY_LABEL, type Missing } from '@/components/scoring/rubric';
import { tellOtherPages } from '@/lib/case-news';
import type { DraftKeeper } from '@/lib/draft-keeper';
import { ApiError } from '@/lib/errors';
import { sameJson } from '@/lib/same-json';
import { say } from '@/lib/say';

import type { Categories, DraftBody, ReadSource } from './api';
import type { WorkedTime } from './use-active-seconds';
import { bodyOf, sayEnded } from './use-reading-draft';

export const MEANING =
  'I read these scans myself, without knowledge of any other read or clinical data, and these scores are mine.';

interface Props {
  opened: boolean;
  code: string;
  source: ReadSource;
  /** A phantom, whose truth is shown once it is signed. */
  withFeedback: boolean;
  scans: { key: string; label: string; unreadable: boolean }[];
  keeper: DraftKeeper<DraftBody, Categories>;
  work: WorkedTime;
  onClose: () => void;
  /** The server found findings that are still missing. */
  onMissing: (missing: Missing[]) => void;
  onNext: (next: string | null) => void;
  /** The case is another one on the server now. */
  onChanged: () => void;
}

/** Says what signing means, takes the password, and offers the next case as soon as it is done. */
export function SignDialog({ opened, code, source, withFeedback, scans, keeper, work, onClose, onMissing, onNext, onChanged }: Props) {
  const [signed, setSigned] = useState<{ next: string | null } | null>(null);
  const state = useSyncExternalStore(keeper.subscribe, keeper.getState);
  const { status, extra } = state;
  // What the reader had before them when they asked to sign: a save under way may still bring in what another tab entered.
  const [shown, setShown] = useState<DraftBody | null>(null);
  if (opened !== (shown !== null)) setShown(opened ? state.body : null);
  const categories = status === 'saved' ? extra : {}; // else they are of an earlier state

  function done(next: string | null) {
    keeper.finish();
    work.finish();
    tellOtherPages(code);
    setSigned({ next });
  }

  /** The draft is another one than the reader saw when they asked to sign. */
  function lookAgain() {
    onClose();
    say('Changes that were saved in another tab have been added. Look at the read again before you sign it.');
  }

  async function sign(password: string) {
    if (!(await keeper.flush())) {
      if (keeper.getState().status === 'conflict') {
        onClose(); // the choice comes first
        return;
      }
      throw new Error(`The draft could not be saved, so it cannot be signed yet. ${keeper.getState().message ?? ''}`);
    }
    const { body, revision, ...now } = keeper.getState();
    if (now.status === 'ended') onClose();
    else if (!shown || !sameJson(scoresOf(body), scoresOf(shown))) lookAgain();
    else {
      try {
        const { next } = await source.sign(code, { revision, password, meaning: MEANING, active_seconds: work.rest });
        done(next);
      } catch (error) {
        await refused(error, body);
      }
    }
  }

  async function refused(error: unknown, body: DraftBody) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    if (error.code === 'incomplete') {
      onMissing(missingFrom(error));
    } else if (error.code === 'stale_draft') {
      keeper.stale(error);
      if (keeper.getState().status === 'conflict') onClose();
      else lookAgain();
    } else {
      // The answer to an earlier signature was lost, or another tab signed.
      const { reading, next } = await source.open(code, new AbortController().signal);
      if (reading.state !== 'signed') throw error;
      if (sameJson(bodyOf(reading, scans.map(({ key }) => key)), body)) {
        done(next);
        return;
      }
      sayEnded();
      onClose();
      onChanged();
    }
  }

  if (signed) {
    return (
      <Modal opened onClose={() => (withFeedback ? onChanged() : onNext(signed.next))} title="Signed" centered withCloseButton={false}>
        <Stack>
          <Alert color="teal" icon={<IconCircleCheck aria-hidden />} role="status">
            Case {code} is signed and can no longer be changed.
          </Alert>
          <Group justify="flex-end">
            {signed.next && !withFeedback && (
              <Button variant="default" onClick={() => onNext(null)}>
                Worklist
              </Button>
            )}
            {withFeedback ? (
              <Button data-autofocus onClick={onChanged}>
                Show the truth
              </Button>
            ) : (
              <Button data-autofocus onClick={() => onNext(signed.next)}>
                {signed.next ? 'Next case' : 'Back to the worklist'}
              </Button>
            )}
          </Group>
        </Stack>
      </Modal>
    );
  }
  return (
    <PasswordDialog opened={opened} title={`Sign case ${code}`} meaning={MEANING} confirm="Sign" onClose={onClose} onConfirm={sign}>
      <Table withRowBorders={false}>
        <Table.Tbody>
          {scans.map(({ key, label, unreadable }) => (
            <Table.Tr key={key}>
              <Table.Td w={120}>{label}</Table.Td>
              <Table.Td fw={600}>
                {unreadable ? (withFeedback ? 'Unreadable' : 'Unreadable – goes to the study lead') : (CATEGORY_LABEL[categories[key] ?? ''] ?? 'worked out when saved')}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm">
        {withFeedback
          ? 'A signed read is final. The truth is shown beside your grades after it.'
          : 'A signed read is final: it cannot be edited, only amended with a reason while the case is open.'}
      </Text>
    </PasswordDialog>
  );
}

/** What a read says: not which series it has on screen, since that may still be loading. */
function scoresOf({ content, measurements }: DraftBody): unknown {
  return [Object.entries(content).map(([scan, entered]) => [scan, { ...entered, series: 0 }]), measurements];
}

function missingFrom(error: ApiError): Missing[] {
  const { missing } = error.body as { missing?: Missing[] };
  return (missing ?? []).map(({ scan, finding }) => ({
    scan,
    finding: finding === 'exclusion_text' ? 'exclusion_observation' : finding,
  }));
}
