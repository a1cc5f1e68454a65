import { Alert, Badge, Button, Group, Menu, Modal, Stack, Text } from '@mantine/core';

import type { DraftKeeper, DraftState, DraftStatus } from '@/lib/draft-keeper';

const LABEL: Record<DraftStatus, { text: string; color: string }> = {
  saved: { text: 'Saved', color: 'teal' },
  changed: { text: 'Saving…', color: 'gray' },
  saving: { text: 'Saving…', color: 'gray' },
  offline: { text: 'Offline – kept in this browser', color: 'yellow' },
  conflict: { text: 'Changed elsewhere – choose', color: 'orange' },
  refused: { text: 'Not saved', color: 'red' },
  ended: { text: 'Signed already', color: 'gray' },
};

interface Props<Body, Extra> {
  state: DraftState<Body, Extra>;
  keeper: DraftKeeper<Body, Extra>;
}

/** Where the draft is: on the server, on its way, or only in this browser, and then why. */
export function SaveState<Body, Extra>({ state, keeper }: Props<Body, Extra>) {
  const { text, color } = LABEL[state.status];
  const unkept = state.unkept && state.status !== 'saved';
  const waits = state.status === 'refused' || state.status === 'offline';
  const reason = [waits && state.message, unkept && 'The browser could not keep a copy: do not close this page.'].filter(Boolean).join(' ');
  return (
    <Group gap={6} wrap="nowrap" miw={0}>
      <Badge role="status" aria-live="polite" color={color} variant="light" data-testid="save-state" data-status={state.status} tt="none" size="lg" style={{ flexShrink: 0 }}>
        {unkept ? 'Not kept in this browser' : text}
      </Badge>
      {waits && (
        <Button size="compact-xs" variant="default" style={{ flexShrink: 0 }} onClick={() => keeper.retry()}>
          Try again
        </Button>
      )}
      {reason && (
        // Two lines of it, and all by the keyboard: a focused text scrolls.
        <Text size="xs" lh={1.25} mah={32} maw={360} tabIndex={0} title={reason} data-testid="save-reason" style={{ overflow: 'auto', whiteSpace: 'normal' }}>
          {reason}
        </Text>
      )}
      {state.asides.length > 0 && <Asides state={state} keeper={keeper} />}
    </Group>
  );
}

/** Drafts that were not chosen can be taken back until the read is signed. */
function Asides<Body, Extra>({ state, keeper }: Props<Body, Extra>) {
  return (
    <Menu position="bottom-start" withArrow>
      <Menu.Target>
        <Button size="compact-xs" variant="subtle" style={{ flexShrink: 0 }}>Other draft</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {[...state.asides].reverse().map((aside) => (
          <Menu.Item key={aside.at} onClick={() => keeper.takeBack(aside)}>
            Take the other draft back (set aside {new Date(aside.at).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' })})
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** The choice between two drafts of one case, of what both changed. The other one can be taken back. */
export function ConflictDialog<Body, Extra>({ state, keeper, happened, describe }: Props<Body, Extra> & {
  /** How there came to be two, and until when the other one is kept. */
  happened: string;
  /** What differs, in words. */
  describe: (mine: Body, theirs: Body) => string[];
}) {
  const { theirs } = state;
  const choices = theirs && keeper.choices();
  const differences = choices ? describe(choices.mine, choices.theirs) : [];
  return (
    <Modal opened={theirs !== null} onClose={() => undefined} withCloseButton={false} title="Two drafts of this case" centered size="lg">
      <Stack>
        {/* It comes while somebody types: no key decides before the focus was moved to a button. In the order of
            Tab, since the focus would leave the dialog with Shift+Tab from anything else. */}
        <Stack tabIndex={0} data-autofocus>
          <Text size="sm">{happened}</Text>
          {differences.length > 0 && (
            <Alert color="gray" variant="light" title="They differ in">
              <ul style={{ margin: 0, paddingLeft: 18 }}>
                {differences.map((line, index) => (
                  <li key={index}>{line}</li> // two measurements may read alike
                ))}
              </ul>
            </Alert>
          )}
        </Stack>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => keeper.resolve('theirs')}>
            Use the other draft
          </Button>
          <Button onClick={() => keeper.resolve('mine')}>Keep what is on this page</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
