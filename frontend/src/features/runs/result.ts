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
