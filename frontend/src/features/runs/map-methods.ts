import type { Saliency, Trust } from './api';

export type MapKind = Trust['default_map'];

export const KINDS: readonly { value: MapKind; label: string }[] = [
  { value: 'layercam', label: 'LayerCAM' },
  { value: 'gradcam', label: 'GradCAM' },
];

/** Maps of one answer, whichever was given; each has the verdict of its kind. */
export const METHODS: readonly { value: Saliency['method']; label: string; kind: MapKind }[] = [
  { value: 'layercam', label: 'LayerCAM, for deformity', kind: 'layercam' },
  { value: 'layercam_against', label: 'LayerCAM, against deformity', kind: 'layercam' },
  { value: 'gradcam', label: 'GradCAM, for deformity', kind: 'gradcam' },
  { value: 'against', label: 'GradCAM, against deformity', kind: 'gradcam' },
];

export const kindName = (kind: MapKind) => KINDS.find(({ value }) => value === kind)?.label ?? kind;
