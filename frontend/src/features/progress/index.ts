export { agreementQuery, leadReviewQuery, progressQuery } from './api';
export { ProgressPage } from './progress-page';
