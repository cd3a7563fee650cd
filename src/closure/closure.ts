/** The only door of the folder: shipping functions, and whatever they capture, from the driver to executors. */

import { types } from 'node:util';
import type { AnyFunction } from './any-function.ts';

export { type CaptureAllOptions, captureAll, checkClosure } from './capture.ts';
export { describeClass, reviveClass } from './class-registry.ts';
export { type Codec, registerCodec } from './codecs.ts';
export { ClosureError } from './errors.ts';
export { ship } from './explicit-captures.ts';
export { isAddition, type PureResult, pureResultOf, type SplitForm, splitFormOf } from './function-form.ts';
export type { CaptureOptions } from './graph.ts';
export { NOSHIP, REPLACE, REVIVE } from './hooks.ts';
export { type LoadedClosures, loadClosures, loadClosuresSync } from './loaded-closures.ts';
export { driverText, homeHint, type ModuleHome, setModuleHome } from './module-home.ts';
export { mainScriptUrls, markMainScript } from './module-refs.ts';
export { remapStack } from './source-positions.ts';

/** True for async functions and async generators, bound ones too: transformations like `map` cannot take them. */
export function isAsyncFunction(fn: AnyFunction): boolean {
  if (types.isAsyncFunction(fn)) return true;
  const tag: unknown = Reflect.get(fn, Symbol.toStringTag);
  return tag === 'AsyncFunction' || tag === 'AsyncGeneratorFunction';
}
