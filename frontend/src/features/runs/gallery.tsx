import { Anchor, Group, Image, Select, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';

import { Panel } from '@/components/panel';
import { figure } from '@/lib/format';
import { COLOUR_MAPS, type ColourMap } from '@/viewer';

import type { Cell, Prediction, Trust } from './api';
import { kindName, KINDS, METHODS } from './map-methods';

const CELLS: readonly [Cell, string][] = [
  ['TN', 'True negative'], ['TP', 'True positive'], ['FP', 'False positive'], ['FN', 'False negative'],
];
/** What can be drawn, by the query that asks for it. */
const CHOICES = [
  ...KINDS.map(({ value, label }) => ({ value: `map=${value}`, label: `${label} of the answer given`, kind: value })),
  ...METHODS.map(({ value, label, kind }) => ({ value: `method=${value}`, label, kind })),
];
const FEW = 4;

interface Props {
  run: number;
  rows: readonly Prediction[];
  trust: Trust;
}

/** Maps by cell of the confusion matrix, the surest first; red is more, blue is less, as in the paper's Fig. 6. */
export function Gallery({ run, rows, trust }: Props) {
  const [colours, setColours] = useState<ColourMap>('blue_red');
  // Until one is chosen: the kind that the server shows first.
  const [selected, setSelected] = useState<string>();
  const chosen = selected ?? `map=${trust.default_map}`;
  const [all, setAll] = useState<Cell | null>(null);
  const kind = CHOICES.find(({ value }) => value === chosen)?.kind ?? trust.default_map;
  const tested = trust.maps[kind].validated;
  return (
    <Panel
      title="Saliency gallery"
      hint={`Over the middle input plane; ${colours === 'blue_red' ? 'red is more, blue is less' : 'bright is more, dark is less'}, each scaled to its own maximum. Of a score that is the mean of repeats, the map is the first repeat’s network’s.${tested ? '' : ` ${kindName(kind)} is not validated for localisation.`}`}
      actions={
        <>
          <Select size="xs" aria-label="Method" w={230} data={CHOICES} value={chosen} onChange={(value) => value && setSelected(value)} allowDeselect={false} />
          <Select size="xs" aria-label="Colours" w={230} data={COLOUR_MAPS} value={colours} onChange={(value) => value && setColours(value)} allowDeselect={false} />
        </>
      }
    >
      <Stack>
        {CELLS.map(([cell, name]) => {
          const own = rows.filter((row) => row.cell === cell && row.saliency).sort((a, b) => Math.abs(b.score - b.threshold) - Math.abs(a.score - a.threshold));
          const shown = all === cell ? own : own.slice(0, FEW);
          return (
            <section key={cell} aria-label={`${name} maps`}>
              <Group gap="xs" mb={4}>
                <Title order={3} size="h6">{name} ({own.length})</Title>
                {own.length > FEW && (
                  <Anchor component="button" type="button" size="xs" onClick={() => setAll(all === cell ? null : cell)}>{all === cell ? 'fewer' : `show all ${own.length}`}</Anchor>
                )}
              </Group>
              {own.length === 0 ? (
                <Text size="sm" c="dimmed">No test patient in this cell.</Text>
              ) : (
                <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs">
                  {shown.map((row) => (
                    <Link key={row.patient} to={`/runs/${run}/patients/${row.patient}`} style={{ textDecoration: 'none', color: 'inherit' }}>
                      <MapPicture
                        key={chosen}
                        src={`/api/runs/${run}/patients/${row.patient}/overlay.png?colours=${colours}&${chosen}`}
                        alt={`${name}: saliency map of patient ${row.patient}, score ${figure(row.score)}`}
                      />
                      <Text size="xs" className="tabular">Score {figure(row.score)}, threshold {figure(row.threshold)}</Text>
                      {!tested && <Text size="xs" fw={600} c="#a63c00">Not validated for localisation</Text>}
                    </Link>
                  ))}
                </SimpleGrid>
              )}
            </section>
          );
        })}
      </Stack>
    </Panel>
  );
}

/** Runs of earlier versions lack LayerCAM against deformity. */
function MapPicture({ src, alt }: { src: string; alt: string }) {
  const [missing, setMissing] = useState(false);
  if (missing) return <Text size="xs">There is no such map of this patient.</Text>;
  return <Image src={src} alt={alt} loading="lazy" radius="sm" style={{ aspectRatio: '1', background: '#000' }} onError={() => setMissing(true)} />;
}
