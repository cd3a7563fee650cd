import type { ResourceAddresses } from '../../protocol/deploy-description.ts';
import type { ProcessKey } from './worker-events.ts';

/** What one executor or driver has of its worker. */
export interface Holding {
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  readonly resources: ResourceAddresses;
}

/** What of a worker is in use. */
export class Holdings {
  readonly #all = new Map<ProcessKey, Holding>();
  #cores = 0;
  #memory = 0;

  get cores(): number {
    return this.#cores;
  }

  /** MiB. */
  get memory(): number {
    return this.#memory;
  }

  hold(key: ProcessKey, holding: Holding): void {
    this.#all.set(key, holding);
    this.#cores += holding.cores;
    this.#memory += holding.memory;
  }

  release(key: ProcessKey): void {
    const holding = this.#all.get(key);
    if (holding === undefined) return;
    this.#all.delete(key);
    this.#cores -= holding.cores;
    this.#memory -= holding.memory;
  }

  resources(): ResourceAddresses {
    const used = new Map<string, Set<string>>();
    for (const { resources } of this.#all.values())
      for (const [name, addresses] of Object.entries(resources))
        used.set(name, new Set([...(used.get(name) ?? []), ...addresses]));
    return Object.fromEntries([...used].map(([name, addresses]) => [name, [...addresses]]));
  }
}
