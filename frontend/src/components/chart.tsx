import { Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { ResponsiveContainer } from 'recharts';

export const AXIS = { fontSize: 12, fill: '#374151' } as const;
export const UNIT_TICKS = [0, 0.25, 0.5, 0.75, 1];

interface Props {
  /** What the picture shows, in words, for those who cannot see it. */
  label: string;
  height?: number;
  /** Curves of shares look wrong when stretched. */
  square?: boolean;
  caption?: string;
  children: ReactElement;
}

export function Chart({ label, height = 300, square = false, caption, children }: Props) {
  return (
    <figure style={{ margin: 0, maxWidth: square ? 420 : undefined }}>
      <div role="img" aria-label={label} style={square ? { aspectRatio: '1' } : { height }}>
        <ResponsiveContainer width="100%" height="100%">{children}</ResponsiveContainer>
      </div>
      {caption && <Text component="figcaption" size="xs" c="dimmed">{caption}</Text>}
    </figure>
  );
}
