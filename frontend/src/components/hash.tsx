import { ActionIcon, Code, CopyButton, Group, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';

/** The first digits of a hash; the whole of it to copy. */
export function Hash({ value, digits = 12 }: { value: string; digits?: number }) {
  return (
    <Group gap={4} wrap="nowrap" display="inline-flex">
      <Code title={value}>{value.slice(0, digits)}</Code>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy the whole hash'}>
            <ActionIcon size="xs" variant="subtle" onClick={copy} aria-label="Copy the whole hash">
              {copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}
