import type { Window } from './types';

/** Values below which the given fractions (0–1) of the pixels lie, by nearest rank on a sample. */
export function percentiles(pixels: ArrayLike<number>, fractions: number[]): number[] {
  const step = Math.max(1, Math.floor(pixels.length / 65536));
  const sample = new Float64Array(Math.ceil(pixels.length / step));
  for (let i = 0; i < sample.length; i += 1) sample[i] = pixels[i * step] ?? 0;
  sample.sort();
  return fractions.map((f) => sample[Math.min(sample.length - 1, Math.max(0, Math.ceil(f * sample.length) - 1))] ?? 0);
}

/** Window between the 1st and the 99.5th percentile: air and a few vessels do not decide it. */
export function robustWindow(pixels: ArrayLike<number>): Window {
  const [low = 0, high = 1] = percentiles(pixels, [0.01, 0.995]);
  return { lower: low, upper: Math.max(high, low + 1) };
}

/** Window presets, relative to how the series itself is scaled: MR values have no unit. */
export const PRESETS: { name: string; of: (series: Window, robust: Window) => Window }[] = [
  { name: 'Automatic', of: (_, robust) => robust },
  { name: 'As stored with the series', of: (series) => series },
  { name: 'Bone and ligament (dark)', of: (_, robust) => part(robust, 0, 0.45) },
  { name: 'Cord and disc', of: (_, robust) => part(robust, 0.1, 0.7) },
  { name: 'CSF and pannus (bright)', of: (_, robust) => part(robust, 0.3, 1.1) },
];

function part({ lower, upper }: Window, from: number, to: number): Window {
  const width = upper - lower;
  return { lower: lower + from * width, upper: Math.max(lower + to * width, lower + from * width + 1) };
}
