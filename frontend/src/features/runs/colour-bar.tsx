import { Group, Text } from '@mantine/core';

import { colour, type ColourMap } from '@/viewer';

const STEPS = 16;

/** Legend of the overlay: what its colours mean. */
export function ColourBar({ map }: { map: ColourMap }) {
  const stops = Array.from({ length: STEPS + 1 }, (_, index) => `rgb(${colour(map, (255 * index) / STEPS).join(' ')}) ${(100 * index) / STEPS}%`);
  return (
    <div role="img" aria-label="Colours from little to much weight in the network's score">
      <div style={{ height: 12, borderRadius: 2, background: `linear-gradient(to right, ${stops.join(', ')})` }} />
      <Group justify="space-between"><Text size="xs">less</Text><Text size="xs">more weight</Text></Group>
    </div>
  );
}
