export { QualificationPage } from './qualification-page';
export { TrainingPage } from './training-page';
