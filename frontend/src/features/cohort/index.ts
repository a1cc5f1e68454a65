export { CohortPage } from './cohort-page';
export { FlowDiagram } from './flow-diagram';
export { ImportPage } from './import-page';
export { PatientPage } from './patient-page';
export { flowQuery, quarantineQuery } from './api';
