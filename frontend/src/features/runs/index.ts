export { runsQuery } from './api';
export { PublishedPage } from './published-page';
export { RunPage } from './run-page';
export { RunPatientPage } from './run-patient-page';
export { RunStateBadge } from './run-state';
export { TrustPage } from './trust-page';
export { RunsPage } from './runs-page';
