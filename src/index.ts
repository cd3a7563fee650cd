export { IskraError } from './base/errors.ts';
