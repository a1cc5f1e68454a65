/** Patient coordinates in mm, DICOM LPS: x to the left, y to the back, z to the head. */
export type Point3 = [number, number, number];

/** One instance as DICOM JSON (PS3.18 F), without pixel data. */
export type DicomJson = Record<string, { vr?: string; Value?: unknown[] } | undefined>;

/** The pixels of a series as the viewer wants them: in slice order, one image id and one header each. */
export interface StackScan {
  /** Names the scan in callbacks and in `data-testid="viewport-<key>"`, e.g. "baseline". */
  key: string;
  /** Shown to the reader above the image. */
  label: string;
  imageIds: string[];
  metadata: DicomJson[];
  sopUids: string[];
  geometry: StackGeometry;
  /** Which of `seriesCount` series of the scan this is, from 0; left out where there is only one. */
  series?: number;
  seriesCount?: number;
  /** Scans of one family and key may replace each other on screen; the other scan then stays as it is. */
  family?: string;
}

export interface StackGeometry {
  /** Direction in which the column index grows (from a row's first pixel to its last). */
  row: Point3;
  /** Direction in which the row index grows. */
  column: Point3;
  normal: Point3;
  /** Position of each slice along `normal`, mm, in slice order. */
  positions: number[];
  rowSpacing: number;
  columnSpacing: number;
  rows: number;
  columns: number;
  /** Slice shown first: the middle of the stack by position, which on a sagittal series is the midline. */
  openingSlice: number;
}

export type MeasurementKind = 'mcrae' | 'atlantodental' | 'retro_odontoid' | 'length' | 'angle' | 'ellipse' | 'probe';

/** Points on one slice and what they measure, kept in patient space. */
export interface Measurement {
  id: string;
  kind: MeasurementKind;
  /** Key of the scan it was made on. */
  scan: string;
  /** Number of the series among the scan's; left out for the first, 0. */
  series?: number;
  /** Slice in the series' order, from 0. */
  slice: number;
  sop_uid: string;
  /** mm, LPS. Centres of pixels count as in DICOM (PS3.3 C.7.6.2.1.1), whichever renderer drew them. */
  points: Point3[];
  /** In the kind's unit: mm (McRae's signed, positive above the line), degrees, mm², or the pixel's value. */
  value: number;
  /** What McRae's line proposes for vertical translocation; the reader's own grade stands in the scores. */
  proposed_grade?: number;
  /** Of the pixels in an ellipse, in the units of the window. */
  mean?: number;
  sd?: number;
}

export type ColourMap = 'blue_red' | 'inferno' | 'cividis';

/** A map laid over one scan's slices. Corners are centres of the map's own pixels, mm, LPS. */
export interface SaliencyOverlay {
  width: number;
  height: number;
  origin: Point3;
  rowEnd: Point3;
  columnEnd: Point3;
  /** Row-major, 0–255. */
  values: Uint8Array;
  /**
   * The slices it covers, as distances in mm from `origin` along the map's normal (row × column).
   * Left out or empty: every slice.
   */
  normalOffsetsMm?: number[];
  /** 0–1. */
  opacity: number;
  colourMap: ColourMap;
}

/** What measuring does that can be undone: a point placed or taken in hand before all are there, or a change of what is measured. */
export type MeasuringAct = 'point' | 'change';

export type ToolName = 'window' | 'zoom' | 'pan' | MeasurementKind;

export interface Window {
  /** Stored values shown black and white. */
  lower: number;
  upper: number;
}

/** What one viewport shows now; drives the letters, the scale and the status line. */
export interface ViewState {
  status: 'loading' | 'ready' | 'error';
  error: string | null;
  slice: number;
  slices: number;
  /** Distance of the shown slice from the middle of the stack, mm, along the patient's axis. */
  offsetMm: number;
  /** "L" or "R" for a sagittal stack away from its middle, else "". */
  side: string;
  /** Letters at the edges of the image: left, right, top, bottom. */
  letters: { left: string; right: string; top: string; bottom: string };
  mmPerPixel: number;
  window: Window;
  inverted: boolean;
  /** The overlay, if there is one, has nothing to say about this slice. */
  outsideOverlay: boolean;
  /** Another text whenever a patient point falls on another place of the screen. */
  camera: string;
}

/** What a page may ask of the viewer; `scan` left out means the active one. */
export interface ViewerHandle {
  scroll(by: number, scan?: string): void;
  /** With `series`: in that series of the scan, which is put on screen first. */
  goTo(slice: number, scan?: string, series?: number): void;
  /** The next series of the active scan. */
  nextSeries(): void;
  /** The slice on screen; null, and said, while it is still on its way. */
  drawnSlice(scan: string): number | null;
  setActive(scan: string): void;
  setTool(tool: ToolName): void;
  /** Does what a drag with the chosen tool does, by a step to the right and up; false where the tool measures. */
  step(right: number, up: number): boolean;
  preset(index: number): void;
  invert(): void;
  reset(): void;
  toggleLink(): void;
  /** Moves the other scans by slices against the active one and keeps the difference. */
  shiftLink(by: number): void;
  toggleLinkedWindow(): void;
  toggleSolo(): void;
  toggleCine(): void;
  /** Takes a point of the chosen kind in hand, in the middle of the image: the keys move and place it. */
  aim(): boolean;
  /** The page did something else that can be undone: nudges before and after it are two steps. */
  settle(): void;
  /** Takes back the last point of a measurement that lacks points, else the last change; only one of these where `act` says so. */
  undo(act?: MeasuringAct): boolean;
  redo(): boolean;
  /** Gives up a measurement that lacks points, or a selection; with neither, the measuring tool. */
  cancel(): boolean;
  removeMeasurement(id: string): void;
  /** Takes back a point or removes what is selected, where that is on screen. */
  removeSelectedMeasurement(): boolean;
  showMeasurement(id: string): void;
}
