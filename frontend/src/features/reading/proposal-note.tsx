import { Alert, Button, Group, Text } from '@mantine/core';

import { type Finding, labelOf } from '@/components/scoring/rubric';
import { resultOf } from '@/viewer';

import type { Proposal } from './proposal';

const ANSWER: Record<Proposal['answer'], string> = {
  open: '',
  agrees: 'Agrees with your grade.',
  differs: 'Your grade differs; both are recorded.',
};

/** What McRae's line says about the grade; the reader takes it or not. */
export function ProposalNote({ proposal, row, readOnly, onAccept }: {
  proposal: Proposal;
  row: Finding;
  readOnly: boolean;
  onAccept: () => void;
}) {
  const { measurement, grade, answer } = proposal;
  return (
    <Alert color={answer === 'differs' ? 'orange' : 'blue'} variant="light" p={8} my={6} data-testid="proposal" data-grade={grade} data-answer={answer}>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm">
          McRae’s line: {resultOf(measurement)}. Proposes <b>{grade} {labelOf(row, grade)}</b>. {ANSWER[answer]}
        </Text>
        {answer !== 'agrees' && !readOnly && (
          <Button size="compact-sm" variant="light" style={{ flexShrink: 0 }} aria-keyshortcuts="Y" onClick={onAccept}>
            Accept (Y)
          </Button>
        )}
      </Group>
    </Alert>
  );
}
