import { Text } from '@mantine/core';

import type { FormHistory } from './form-history';
import { type Content, type Rubric, UNREADABLE } from './rubric';

interface Props {
  history: FormHistory;
  content: Content;
  rubric: Rubric;
  scans: { key: string; label: string }[];
}

/** Which grades “unreadable” took away, and how to have them back. */
export function AsideNote({ history, content, rubric, scans }: Props) {
  const keys = rubric.quality.grades.filter(({ value }) => value !== UNREADABLE).map(({ shortcut }) => shortcut);
  const notes = scans.flatMap(({ key, label }) => {
    const count = history.setAside(content, key);
    return count ? [`${label}: ${count} ${count === 1 ? 'grade' : 'grades'} set aside while this page is open; choose ${keys.join(' or ')} to have ${count === 1 ? 'it' : 'them'} back.`] : [];
  });
  return (
    <div role="status" data-testid="set-aside">
      {notes.map((note) => (
        <Text key={note} size="sm" c="yellow.4" px="sm" pt={6}>
          {note}
        </Text>
      ))}
    </div>
  );
}
