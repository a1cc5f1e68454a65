import { Alert, Badge, Button, Group, Modal, Stack, Text, Tooltip } from '@mantine/core';

import type { DraftKeeper, DraftState, DraftStatus } from '@/lib/draft-keeper';

const LABEL: Record<DraftStatus, { text: string; color: string }> = {
  saved: { text: 'Saved', color: 'teal' },
  changed: { text: 'Saving…', color: 'gray' },
  saving: { text: 'Saving…', color: 'gray' },
  offline: { text: 'Offline – kept in this browser', color: 'yellow' },
  conflict: { text: 'Changed elsewhere – choose', color: 'orange' },
  refused: { text: 'Not saved', color: 'red' },
};

/** Where the draft is: on the server, on its way, or only in this browser. */
export function SaveState<Body, Extra>({ state }: { state: DraftState<Body, Extra> }) {
  const { text, color } = LABEL[state.status];
  const kept = state.unkept && state.status !== 'saved' ? ' The browser could not keep a copy: do not close this page.' : '';
  return (
    <Tooltip label={`${state.message ?? 'The server has every change.'}${kept}`} disabled={!state.message && !kept} multiline maw={320}>
      <Badge role="status" aria-live="polite" color={color} variant="light" data-testid="save-state" data-status={state.status} tt="none" size="lg">
        {state.unkept && state.status !== 'saved' ? 'Not kept in this browser' : text}
      </Badge>
    </Tooltip>
  );
}

/** The choice between two drafts of one case. Both stay until one is chosen. */
export function ConflictDialog<Body, Extra>({ state, keeper, describe }: {
  state: DraftState<Body, Extra>;
  keeper: DraftKeeper<Body, Extra>;
  /** What differs, in words. */
  describe: (mine: Body, theirs: Body) => string[];
}) {
  const { theirs, body } = state;
  const differences = theirs ? describe(body, theirs.body) : [];
  return (
    <Modal opened={theirs !== null} onClose={() => undefined} withCloseButton={false} title="Two drafts of this case" centered size="lg">
      <Stack>
        <Text size="sm">
          This case was saved in another tab or on another computer after this page was opened. Nothing is lost: choose
          which draft goes on.
        </Text>
        {differences.length > 0 && (
          <Alert color="gray" variant="light" title="They differ in">
            <ul style={{ margin: 0, paddingLeft: 18 }}>
              {differences.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => keeper.resolve('theirs')}>
            Use the other draft
          </Button>
          <Button onClick={() => keeper.resolve('mine')} data-autofocus>
            Keep what is on this page
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
