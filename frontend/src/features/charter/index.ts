export { CharterPage } from './charter-page';
