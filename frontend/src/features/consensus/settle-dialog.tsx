import { PasswordDialog } from '@/components/scoring/password-dialog';
import type { Content } from '@/components/scoring/rubric';
import type { DraftKeeper } from '@/lib/draft-keeper';

import { type Categories, confirm, decline, propose } from './api';

export type Act = 'propose' | 'confirm' | 'decline';

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
  act: Act | null;
  code: string;
  keeper: DraftKeeper<Content, Categories>;
  /** Revision of the proposal on screen. */
  proposed: number;
  onClose: () => void;
  onDone: () => void;
}

export function SettleDialog({ act, code, keeper, proposed, onClose, onDone }: Props) {
  async function settle(password: string) {
    if (act === 'propose') {
      if (!(await keeper.flush())) throw new Error(`The form could not be saved yet. ${keeper.getState().message ?? ''}`);
      await propose(code, keeper.getState().revision, password);
    } else if (act === 'confirm') await confirm(code, proposed, password);
    else await decline(code, password);
    if (act !== 'propose') keeper.finish();
    onClose();
    onDone();
  }
  const words = WORDS[act ?? 'propose'];
  return (
    <PasswordDialog
      opened={act !== null}
      title={words.title}
      meaning={words.meaning}
      confirm={words.confirm}
      danger={act === 'decline'}
      onClose={onClose}
      onConfirm={settle}
    />
  );
}
