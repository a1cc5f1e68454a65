/** Okabe–Ito hues, told apart with every common colour-vision deficiency. Never the only cue. */
export const PALETTE = {
  blue: '#0072b2',
  orange: '#d55e00',
  green: '#009e73',
  amber: '#e69f00',
  sky: '#56b4e9',
  purple: '#9c4f7f',
  ink: '#1f2933',
  grey: '#6b7280',
  light: '#d5dbe1',
} as const;

/** One hue per line when runs are compared. */
export const SERIES = [PALETTE.blue, PALETTE.orange, PALETTE.green, PALETTE.purple, PALETTE.ink, PALETTE.amber] as const;
