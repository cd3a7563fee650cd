import type { OutputFormat } from '../protocol/file-formats.ts';
import type { AnyFunction, Ordering } from './dependency.ts';

/**
 * What a job does with the records of its last RDD: a SinkPlan whose references are still the functions themselves.
 * What each gives back to the driver stands in sink-results.ts.
 */
export type SinkSpec =
  | { readonly kind: 'count' }
  | { readonly kind: 'collect' }
  | { readonly kind: 'take'; readonly limit: number }
  | { readonly kind: 'reduce'; readonly operator: string; readonly f: AnyFunction }
  | { readonly kind: 'fold'; readonly operator: string; readonly zero: unknown; readonly op: AnyFunction }
  | { readonly kind: 'sum' }
  | { readonly kind: 'takeOrdered'; readonly limit: number; readonly ordering: Ordering }
  | { readonly kind: 'foreach'; readonly operator: string; readonly f: AnyFunction }
  | { readonly kind: 'iterator'; readonly operator: string; readonly f: AnyFunction; readonly discard: boolean }
  | { readonly kind: 'reservoir'; readonly limit: number; readonly seed: number }
  | { readonly kind: 'bernoulli'; readonly fraction: number; readonly seed: number }
  | {
      readonly kind: 'saveFiles';
      readonly path: string;
      readonly format: OutputFormat;
      readonly jobUuid: string;
    }
  | { readonly kind: 'checkpoint'; readonly dir: string; readonly compress: boolean }
  | { readonly kind: 'drain' };
