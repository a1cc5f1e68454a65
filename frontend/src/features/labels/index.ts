export { labelSetsQuery, labelsQuery } from './api';
export { LabelSetPage } from './label-set-page';
export { LabelsPage } from './labels-page';
