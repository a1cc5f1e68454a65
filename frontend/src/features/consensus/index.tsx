export { ConsensusPage } from './consensus-page';
