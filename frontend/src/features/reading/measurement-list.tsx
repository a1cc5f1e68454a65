import { ActionIcon, Text } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import type { RefObject } from 'react';

import { KINDS, type Measurement, resultOf, type ViewerHandle } from '@/viewer';

import classes from './reading.module.css';

interface Props {
  measurements: Measurement[];
  scans: { key: string; label: string }[];
  viewer: RefObject<ViewerHandle | null>;
  readOnly: boolean;
}

/** Every measurement of the case: shows its slice, or is removed. */
export function MeasurementList({ measurements, scans, viewer, readOnly }: Props) {
  if (measurements.length === 0) return null;
  return (
    <section className={classes.details} aria-label="Measurements">
      <Text fw={600} size="sm">Measurements</Text>
      <ul className={classes.measurements}>
        {measurements.map((measurement) => {
          const { id, kind, value, scan, series, slice } = measurement;
          const { label, reference } = KINDS[kind];
          const where = `${scans.find(({ key }) => key === scan)?.label ?? scan}${series ? `, series ${series + 1}` : ''}, slice ${slice + 1}`;
          const text = `${label}: ${resultOf(measurement)} · ${where}`;
          return (
            <li key={id}>
              <button
                type="button"
                data-testid="measurement"
                data-kind={kind}
                data-mm={value}
                title={reference}
                onClick={() => viewer.current?.showMeasurement(id)}
              >
                {text}
                {reference && <small>{reference}</small>}
              </button>
              {!readOnly && (
                <ActionIcon size={26} variant="subtle" color="gray" aria-label={`Remove ${text}`} onClick={() => viewer.current?.removeMeasurement(id)}>
                  <IconTrash size={15} aria-hidden />
                </ActionIcon>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
