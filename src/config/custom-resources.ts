// Custom resources, such as GPUs: what settings ask for, and what scripts and files say is there.
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { SparkConf } from './spark-conf.ts';

/** Whose resources: the first part of their settings. */
export type ResourceOwner = 'spark.worker' | 'spark.executor' | 'spark.driver';

/** Addresses by resource: `{ gpu: ['0', '1'] }`. */
export type AddressesByName = Readonly<Record<string, readonly string[]>>;

/** `spark.worker.resource.gpu.amount` and what goes with it. Spark: ResourceRequest */
export interface ResourceRequest {
  /** `gpu` */
  readonly name: string;
  /** At least so many addresses; 1 or more. */
  readonly amount: number;
  /** What prints the addresses; null: nothing is named. */
  readonly discoveryScript: string | null;
}

const EXAMPLE = '{"name":"gpu","addresses":["0","1"]}';

/**
 * What the settings ask for. Amounts of 0 ask for nothing.
 *
 * @throws IllegalArgumentError for an amount that is missing or no whole number.
 *
 * Spark: ResourceUtils.parseAllResourceRequests
 */
export function resourceRequests(conf: SparkConf, owner: ResourceOwner): readonly ResourceRequest[] {
  const prefix = `${owner}.resource.`;
  const byName = new Map<string, Map<string, string>>();
  for (const [key, value] of conf.getAll()) {
    if (!key.startsWith(prefix)) continue;
    const rest = key.slice(prefix.length);
    const dot = rest.indexOf('.');
    if (dot < 0)
      throw new IllegalArgumentError(`You must specify an amount config for resource: ${rest} config: ${key}.amount`);
    const name = rest.slice(0, dot);
    byName.set(name, (byName.get(name) ?? new Map<string, string>()).set(rest.slice(dot + 1), value.trim()));
  }
  return [...byName].flatMap(([name, settings]) => {
    const text = settings.get('amount');
    if (text === undefined)
      throw new IllegalArgumentError(`You must specify an amount for ${name}: set ${prefix}${name}.amount`);
    const amount = /^\d+$/.test(text) ? Number(text) : -1;
    if (!Number.isSafeInteger(amount) || amount < 0)
      throw new IllegalArgumentError(`${prefix}${name}.amount has to be a whole number, was ${text}`);
    return amount === 0 ? [] : [{ name, amount, discoveryScript: settings.get('discoveryScript') || null }];
  });
}

/**
 * What a discovery script printed.
 *
 * @throws IskraError when it is not as the example in the message, or of another resource.
 *
 * Spark: ResourceInformation.parseJson, ResourceDiscoveryScriptPlugin
 */
export function parseDiscovered(text: string, name: string, script: string): readonly string[] {
  const found = parseJson(text) as { readonly name?: unknown; readonly addresses?: unknown } | null | undefined;
  if (typeof found?.name !== 'string' || !isTexts(found.addresses))
    throw broken(
      `Error parsing JSON into ResourceInformation:\n${text.slice(0, 1000)}\nHere is a correct example: ${EXAMPLE}.`,
    );
  if (found.name !== name)
    throw broken(
      `Error running the resource discovery script ${script}: script returned resource name ${found.name} and we were expecting ${name}.`,
    );
  return withoutDoubles(found.addresses, name, script);
}

/**
 * What a file of resources says of one owner; it may speak of others as well.
 *
 * @throws IskraError when it is no such file.
 *
 * Spark: ResourceUtils.parseAllocatedFromJsonFile
 */
export function parseResourcesFile(text: string, path: string, owner: ResourceOwner): AddressesByName {
  const list = parseJson(text);
  const wrong = (): IskraError =>
    broken(
      `Error parsing resources file ${path}: it has to be a list such as [{"id":{"componentName":"${owner}","resourceName":"gpu"},"addresses":["0","1"]}]`,
    );
  if (!Array.isArray(list)) throw wrong();
  const found = new Map<string, readonly string[]>();
  for (const each of list as readonly unknown[]) {
    const { id, addresses } = (each ?? {}) as { readonly id?: unknown; readonly addresses?: unknown };
    const { componentName, resourceName } = (id ?? {}) as { readonly [name: string]: unknown };
    if (typeof componentName !== 'string' || typeof resourceName !== 'string' || !isTexts(addresses)) throw wrong();
    if (componentName !== owner) continue;
    if (found.has(resourceName)) throw broken(`resources file ${path} names ${resourceName} of ${owner} twice`);
    found.set(resourceName, withoutDoubles(addresses, resourceName, path));
  }
  return Object.fromEntries(found);
}

/** @throws IskraError when a request is not met. Spark: ResourceUtils.assertAllResourceAllocationsMeetRequests */
export function checkRequestsAreMet(requests: readonly ResourceRequest[], has: AddressesByName): void {
  for (const { name, amount } of requests) {
    const addresses = Object.hasOwn(has, name) ? (has[name] ?? []) : [];
    if (addresses.length < amount)
      throw broken(
        `Resource: ${name}, with addresses: ${addresses.join(',')} is less than what the user requested: ${amount}`,
      );
  }
}

function withoutDoubles(addresses: readonly string[], name: string, from: string): readonly string[] {
  const double = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (double === undefined) return addresses;
  throw broken(`${from} names address ${double} of resource ${name} twice: two tasks would get it`);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Undefined: it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function broken(message: string): IskraError {
  return new IskraError('RESOURCES', message);
}
