/** A run's stored result (the trainer's result.json; shapes in modeling/result_serializers.py). */
import type { components } from '@/types/api';

type Schemas = components['schemas'];
export type RunResult = Schemas['ResultOut'];
export type Metrics = Schemas['MetricsOut'];
export type Counts = Schemas['ConfusionOut'];
export type Figure = Schemas['FigureOut'];
export type ReaderRow = Schemas['ReaderRowOut'];
export type FoldHistory = Schemas['FoldHistoryOut'];

/** Two-sided 95 % interval, low then high. */
export type Interval = [number, number];

/** Of more than two observers, what their numbers mean. */
export function pairsOf(people: number | undefined): string {
  return people !== undefined && people > 2 ? `${people} observers read in pairs: 1 and 2 are the places in each patient’s own pair, not two persons.` : '';
}
