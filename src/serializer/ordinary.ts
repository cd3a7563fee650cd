import { isProxy } from 'node:util/types';
import { Refusal } from './errors.ts';

// What a column cannot hold though it looks like the others: proxies, properties named by symbols, arrays with extra
// properties. Looking costs 11-70 ns an object, more than encoding it; so columns look at every SAMPLE-th row (records
// of one stage are alike), and graph columns at every one of the first objects, then at every 16th.

const SAMPLE = 64;
/** Listing the keys of a longer array costs more than it is worth. */
const LONGEST_LISTED = 65_536;

/** Refuses proxies and symbol-named properties among a sample; false if an array of it has extra properties. */
export function sampleIsOrdinary(values: readonly unknown[], n: number): boolean {
  for (let i = 0; i < n; i += SAMPLE) if (!isOrdinary(values[i] as object)) return false;
  return isOrdinary(values[n - 1] as object);
}

function isOrdinary(value: object): boolean {
  refuseProxy(value);
  refuseSymbolKeys(value);
  return !Array.isArray(value) || !hasExtraKeys(value);
}

export function refuseProxy(value: object): void {
  if (isProxy(value)) throw new Refusal(value, 'it is a Proxy, whose traps cannot travel; copy it first: { ...value }');
}

export function refuseSymbolKeys(value: object): void {
  for (const symbol of Object.getOwnPropertySymbols(value))
    if (Object.prototype.propertyIsEnumerable.call(value, symbol))
      throw new Refusal(value, `it has a property named by ${String(symbol)}; symbols exist in one process only`);
}

/** True for arrays with named properties, such as the result of a RegExp match. */
export function hasExtraKeys(array: readonly unknown[]): boolean {
  if ('index' in array) return true;
  if (array.length > LONGEST_LISTED) return false;
  const keys = Object.keys(array);
  // Named properties come after the indices.
  return keys.length > 0 && !isIndex(keys[keys.length - 1] as string, array.length);
}

export function isIndex(key: string, length: number): boolean {
  const index = Number(key);
  return index < length && Number.isInteger(index) && index >= 0 && String(index) === key;
}
