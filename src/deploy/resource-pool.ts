import { InvariantError } from '../base/errors.ts';
import type { ResourceAddresses, ResourceAmounts } from '../protocol/deploy-description.ts';

/** The custom resources of one worker: which addresses are free, which are in use. Spark: WorkerResourceInfo */
export class ResourcePool {
  /** Names come from the network: one may be called as what every object has. */
  readonly #all: ReadonlyMap<string, readonly string[]>;
  readonly #used = new Map<string, Set<string>>();

  constructor(all: ResourceAddresses) {
    this.#all = new Map(Object.entries(all));
  }

  /** How many addresses of a resource are free; 0 for one that is not here. */
  free(name: string): number {
    return (this.#all.get(name)?.length ?? 0) - (this.#used.get(name)?.size ?? 0);
  }

  /** True when `times` of these amounts are free at once. */
  has(amounts: ResourceAmounts, times = 1): boolean {
    return Object.entries(amounts).every(([name, amount]) => this.free(name) >= amount * times);
  }

  /** Takes addresses, the first free ones of each. @throws InvariantError when `has` would have said no. */
  acquire(amounts: ResourceAmounts): ResourceAddresses {
    if (!this.has(amounts)) throw new InvariantError(`resources ${JSON.stringify(amounts)} are not free`);
    const taken: [string, readonly string[]][] = [];
    for (const [name, amount] of Object.entries(amounts)) {
      if (amount === 0) continue;
      const used = this.#usedOf(name);
      const addresses = (this.#all.get(name) ?? []).filter((address) => !used.has(address)).slice(0, amount);
      for (const address of addresses) used.add(address);
      taken.push([name, addresses]);
    }
    return Object.fromEntries(taken);
  }

  /** Takes just these; what is not here, or in use, is passed over, since it comes from what somebody else tells. */
  take(addresses: ResourceAddresses): ResourceAddresses {
    const taken: [string, readonly string[]][] = [];
    for (const [name, wanted] of Object.entries(addresses)) {
      const used = this.#usedOf(name);
      const got = wanted.filter((address) => this.#all.get(name)?.includes(address) && !used.has(address));
      for (const address of got) used.add(address);
      if (got.length > 0) taken.push([name, got]);
    }
    return Object.fromEntries(taken);
  }

  release(addresses: ResourceAddresses): void {
    for (const [name, list] of Object.entries(addresses))
      for (const address of list) this.#used.get(name)?.delete(address);
  }

  get used(): ResourceAddresses {
    return Object.fromEntries([...this.#used].filter(([, set]) => set.size > 0).map(([name, set]) => [name, [...set]]));
  }

  #usedOf(name: string): Set<string> {
    let used = this.#used.get(name);
    if (used === undefined) {
      used = new Set();
      this.#used.set(name, used);
    }
    return used;
  }
}
