export { ChartReviewPage } from './chart-review-page';
export { CohortPage } from './cohort-page';
export { CriteriaPage } from './criteria-page';
export { FlowDiagram } from './flow-diagram';
export { ImportPage } from './import-page';
export { PatientPage } from './patient-page';
export { TableOnePage } from './table-one-page';
export { flowQuery, quarantineQuery } from './api';
