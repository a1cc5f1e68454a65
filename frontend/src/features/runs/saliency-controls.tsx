import { Alert, Group, Select, Slider, Switch, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

import { colour, COLOUR_MAPS, type ColourMap } from '@/viewer';

import type { Saliency } from './api';
import { METHODS } from './map-methods';

/** How the map is laid over the image. */
export interface Look {
  shown: boolean;
  /** Percent. */
  opacity: number;
  colourMap: ColourMap;
}

/** The statement repeats its heading; a sentence is left. */
function withoutHeading(statement: string): string {
  const rest = statement.replace(/^not validated for localisation:\s*/i, '');
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

interface Props {
  saliency: Saliency;
  look: Look;
  onLook: (look: Look) => void;
  onMethod: (method: Saliency['method']) => void;
}

export function SaliencyControls({ saliency, look, onLook, onMethod }: Props) {
  return (
    <>
      {saliency.validated ? (
        <Text size="xs">{saliency.statement}</Text>
      ) : (
        <Alert color="yellow" p="sm" icon={<IconAlertTriangle aria-hidden />}>
          <Text size="sm" fw={600}>Not validated for localisation</Text>
          <Text size="xs">{withoutHeading(saliency.statement)}</Text>
        </Alert>
      )}
      <Switch label="Show the saliency map" checked={look.shown} onChange={(event) => onLook({ ...look, shown: event.currentTarget.checked })} />
      <div>
        <Text size="sm" id="opacity">Opacity {look.opacity} %</Text>
        <Slider
          aria-labelledby="opacity"
          thumbLabel="Opacity"
          min={0}
          max={100}
          value={look.opacity}
          onChange={(opacity) => onLook({ ...look, opacity })}
          disabled={!look.shown}
          label={null}
        />
      </div>
      <Select
        label="Method"
        data={METHODS.filter(({ value }) => saliency.methods.includes(value))}
        value={saliency.method}
        onChange={(value) => value && onMethod(value)}
        allowDeselect={false}
      />
      <Select
        label="Colours"
        data={COLOUR_MAPS}
        value={look.colourMap}
        onChange={(value) => value && onLook({ ...look, colourMap: value })}
        allowDeselect={false}
        disabled={!look.shown}
      />
      <ColourBar map={look.colourMap} />
      <Text size="xs" c="dimmed">
        {saliency.peak > 0
          ? `The strongest colour is ${saliency.peak.toPrecision(2)} logit units. Scaled to this patient’s own maximum, so two patients’ maps cannot be compared in strength.`
          : 'This map is empty: in no region did the network find anything for this answer.'}{' '}
        Slices outside the network’s input are shown without it.
      </Text>
    </>
  );
}

const STEPS = 16;

/** Legend of the overlay: what its colours mean. */
function ColourBar({ map }: { map: ColourMap }) {
  const stops = Array.from({ length: STEPS + 1 }, (_, index) => `rgb(${colour(map, (255 * index) / STEPS).join(' ')}) ${(100 * index) / STEPS}%`);
  return (
    <div role="img" aria-label="Colours from little to much weight in the network's score">
      <div style={{ height: 12, borderRadius: 2, background: `linear-gradient(to right, ${stops.join(', ')})` }} />
      <Group justify="space-between"><Text size="xs">less</Text><Text size="xs">more weight</Text></Group>
    </div>
  );
}
