import { InvariantError } from '../base/errors.ts';
import type { ResourceInformation } from '../protocol/resource-profile.ts';

/** What a task has of an executor's custom resources: per resource, per address, the part of it. */
export type TaskResources = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** How much of each custom resource a task takes: `gpu` → 2, or below 1 a part of one address. */
export type ResourceAmounts = ReadonlyMap<string, number>;

/**
 * Parts of an address are counted in whole numbers: a third taken three times is all of it, and no address is given out by
 * more than what it has.
 */
const WHOLE = 1e12;

/**
 * The custom resources of one executor, such as GPUs: which address has how much to give.
 *
 * Invariants: no address has less than nothing or more than itself; what tasks have and what is left make up the whole.
 *
 * Spark: ExecutorResourcesAmounts
 */
export class ExecutorResources {
  readonly #left = new Map<string, Map<string, number>>();

  constructor(addresses: Readonly<Record<string, readonly string[]>>) {
    for (const [name, list] of Object.entries(addresses))
      this.#left.set(name, new Map(list.map((address) => [address, WHOLE])));
  }

  /** How many tasks that take this fit at the same time; infinity when they take nothing of it. */
  slots(amounts: ResourceAmounts): number {
    let slots = Number.POSITIVE_INFINITY;
    for (const [name, amount] of amounts) {
      const left = this.#left.get(name);
      let here = 0;
      for (const part of left?.values() ?? [])
        here += amount < 1 ? Math.floor(part / partOf(amount)) : part === WHOLE ? 1 : 0;
      slots = Math.min(slots, amount < 1 ? here : Math.floor(here / amount));
    }
    return slots;
  }

  /** How many tasks that take this fit when there are no others; infinity when they take nothing of it. */
  capacity(amounts: ResourceAmounts): number {
    let slots = Number.POSITIVE_INFINITY;
    for (const [name, amount] of amounts) {
      const addresses = this.#left.get(name)?.size ?? 0;
      slots = Math.min(
        slots,
        amount < 1 ? addresses * Math.floor(WHOLE / partOf(amount)) : Math.floor(addresses / amount),
      );
    }
    return slots;
  }

  /** Addresses for one task, now taken; null when they are not all to be had. */
  assign(amounts: ResourceAmounts): TaskResources | null {
    const assigned = new Map<string, Map<string, number>>();
    for (const [name, amount] of amounts) {
      const part = amount < 1 ? partOf(amount) : WHOLE;
      let missing = amount < 1 ? 1 : amount;
      const here = new Map<string, number>();
      for (const [address, left] of this.#left.get(name) ?? []) {
        if (missing === 0) break;
        if (left < part) continue;
        here.set(address, part);
        missing--;
      }
      if (missing > 0) return null;
      assigned.set(name, here);
    }
    this.#change(assigned, -1);
    return assigned;
  }

  release(resources: TaskResources): void {
    this.#change(resources, 1);
  }

  #change(resources: TaskResources, sign: 1 | -1): void {
    for (const [name, parts] of resources)
      for (const [address, part] of parts) {
        const left = (this.#left.get(name)?.get(address) ?? Number.NaN) + sign * part;
        if (!(left >= 0 && left <= WHOLE))
          throw new InvariantError(`address ${address} of resource ${name} would have ${left / WHOLE} left`);
        this.#left.get(name)?.set(address, left);
      }
  }
}

function partOf(amount: number): number {
  return Math.floor(amount * WHOLE);
}

/** As tasks see it. Spark: TaskContext.resources */
export function resourceInformation(resources: TaskResources): Readonly<Record<string, ResourceInformation>> {
  const shown: Record<string, ResourceInformation> = {};
  for (const [name, parts] of resources) shown[name] = { name, addresses: [...parts.keys()] };
  return shown;
}
