import { Anchor, Group, Image, Select, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';

import { Panel } from '@/components/panel';
import { figure } from '@/lib/format';
import { COLOUR_MAPS, type ColourMap } from '@/viewer';

import type { Cell, Prediction } from './api';

const CELLS: readonly [Cell, string][] = [
  ['TN', 'True negative'], ['TP', 'True positive'], ['FP', 'False positive'], ['FN', 'False negative'],
];
const METHODS = [
  { value: 'answer', label: 'GradCAM of the answer given' },
  { value: 'gradcam', label: 'GradCAM, for deformity' },
  { value: 'against', label: 'GradCAM, against deformity' },
  { value: 'layercam', label: 'LayerCAM, for deformity' },
];
const FEW = 4;

interface Props {
  run: number;
  rows: readonly Prediction[];
  validated: boolean;
  statement: string;
}

/** Maps by cell of the confusion matrix, the surest first; red is more, blue is less, as in the paper's Fig. 6. */
export function Gallery({ run, rows, validated, statement }: Props) {
  const [colours, setColours] = useState<ColourMap>('blue_red');
  const [method, setMethod] = useState('answer');
  const [all, setAll] = useState<Cell | null>(null);
  // The trust report tests GradCAM; a sharper map has passed nothing.
  const tested = validated && method !== 'layercam';
  const query = `colours=${colours}${method === 'answer' ? '' : `&method=${method}`}`;
  return (
    <Panel
      title="Saliency gallery"
      hint={`Over the middle input plane; ${colours === 'blue_red' ? 'red is more, blue is less' : 'bright is more, dark is less'}, each scaled to its own maximum. ${validated && !tested ? 'The trust report’s tests are of GradCAM, not of this map.' : statement}`}
      actions={
        <>
          <Select size="xs" aria-label="Method" w={230} data={METHODS} value={method} onChange={(value) => value && setMethod(value)} allowDeselect={false} />
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
                      <Image
                        src={`/api/runs/${run}/patients/${row.patient}/overlay.png?${query}`}
                        alt={`${name}: saliency map of patient ${row.patient}, score ${figure(row.score)}`}
                        loading="lazy"
                        radius="sm"
                        style={{ aspectRatio: '1', background: '#000' }}
                      />
                      <Text size="xs" className="tabular">Score {figure(row.score)}, threshold {figure(row.threshold)}</Text>
                      {!tested && <Text size="xs" fw={600} c="orange.9">Not validated for localisation</Text>}
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
