import { Alert, Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';

import { tellOtherPages } from '@/lib/case-news';
import { messageOf } from '@/lib/errors';

import { amendReading } from './api';

/** Opens a signed read again, as a new version with a reason; the signed one stays as it is. */
export function AmendButton({ code, onAmended }: { code: string; onAmended: () => void }) {
  const [opened, setOpened] = useState(false);
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit() {
    if (!reason.trim()) {
      setProblem('Say why the signed read is amended.');
      return;
    }
    setBusy(true);
    try {
      await amendReading(code, reason.trim());
      setOpened(false);
      tellOtherPages(code);
      onAmended();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  // What comes of it is said in the dialog, so it stays until that is known.
  const close = () => {
    if (!busy) setOpened(false);
  };

  return (
    <>
      <Button variant="default" size="compact-md" onClick={() => setOpened(true)}>
        Amend
      </Button>
      <Modal opened={opened} onClose={close} title="Amend a signed read" centered>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Stack>
            <Text size="sm">The signed read is kept. A new version starts from it and replaces it once you sign.</Text>
            {problem && (
              <Alert color="red" role="alert">
                {problem}
              </Alert>
            )}
            <Textarea label="Reason" required autosize minRows={2} maxLength={2000} value={reason} data-autofocus onChange={(event) => setReason(event.currentTarget.value)} />
            <Group justify="flex-end">
              <Button variant="default" disabled={busy} onClick={close}>
                Cancel
              </Button>
              <Button type="submit" loading={busy}>
                Open an amendment
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
