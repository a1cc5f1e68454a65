export { PhantomPage, ReadingPage } from './reading-page';
