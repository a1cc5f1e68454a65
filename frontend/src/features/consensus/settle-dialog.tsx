import { useEffect, useEffectEvent } from 'react';

import { PasswordDialog } from '@/components/scoring/password-dialog';
import type { Content } from '@/components/scoring/rubric';
import type { DraftKeeper } from '@/lib/draft-keeper';
import { ApiError } from '@/lib/errors';
import { sameJson } from '@/lib/same-json';
import { say } from '@/lib/say';

import { type Categories, confirm, decline, propose } from './api';

export type Act = 'propose' | 'confirm' | 'decline';

/** An act, and the agreed form that the observer had before them when they asked for it: only that is signed. */
export interface Asked {
  act: Act;
  revision: number;
  content: Content;
}

const WORDS: Record<Act, { title: string; meaning: string; confirm: string }> = {
  propose: {
    title: 'Propose this read',
    meaning: 'I propose this as our one read of the case. It becomes final when the other observer confirms it.',
    confirm: 'Propose',
  },
  confirm: {
    title: 'Confirm the proposed read',
    meaning: 'I agree with this read. With my signature it becomes final and can no longer be changed.',
    confirm: 'Confirm',
  },
  decline: {
    title: 'No consensus',
    meaning: 'We cannot agree on one read. The neurosurgeon reads the case, without seeing either of ours.',
    confirm: 'Declare no consensus',
  },
};

interface Props {
  asked: Asked | null;
  code: string;
  keeper: DraftKeeper<Content, Categories>;
  /** The agreed form on screen, which follows the other observer while the dialog is open. */
  shown: Content;
  /** Whether the other observer's proposal is what is on screen. */
  proposed: boolean;
  onClose: () => void;
  onDone: () => void;
}

export function SettleDialog({ asked, code, keeper, shown, proposed, onClose, onDone }: Props) {
  const act = asked?.act ?? 'propose';
  const moved = asked !== null && act !== 'decline' && (!sameJson(asked.content, shown) || proposed !== (act === 'confirm'));

  function lookAgain() {
    onClose();
    say('The agreed form was changed or proposed meanwhile, by the other observer or in another tab. Look at it again before you sign it.');
    onDone(); // brings what it is now
  }
  const onMoved = useEffectEvent(lookAgain);
  useEffect(() => {
    if (moved) onMoved();
  }, [moved]);

  const words = WORDS[act];

  async function settle({ revision, content }: Asked, password: string) {
    const signature = { password, meaning: words.meaning };
    try {
      if (act === 'propose') {
        if (!(await keeper.flush())) {
          if (keeper.getState().status === 'conflict') {
            onClose(); // the choice comes first
            return;
          }
          throw new Error(`The form could not be saved yet. ${keeper.getState().message ?? ''}`);
        }
        const saved = keeper.getState();
        if (!sameJson(saved.body, content)) {
          lookAgain();
          return;
        }
        await propose(code, saved.revision, signature);
      } else if (act === 'confirm') await confirm(code, revision, signature);
      else await decline(code, signature);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'stale_draft') throw error;
      lookAgain();
      return;
    }
    if (act !== 'propose') keeper.finish();
    onClose();
    onDone();
  }
  return (
    <PasswordDialog
      opened={asked !== null}
      title={words.title}
      meaning={words.meaning}
      confirm={words.confirm}
      danger={act === 'decline'}
      onClose={onClose}
      onConfirm={async (password) => {
        if (asked) await settle(asked, password);
      }}
    />
  );
}
