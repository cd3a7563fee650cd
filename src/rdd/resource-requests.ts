import { IllegalArgumentError } from '../base/errors.ts';
import { types } from '../config/value-types.ts';
import type { ExecutorResourceRequest, TaskResourceRequest } from '../protocol/resource-profile.ts';
import { describe } from './user-function.ts';

/**
 * What each executor of a profile must have. Methods can be chained; of two about one resource the later counts.
 *
 * Spark: ExecutorResourceRequests
 */
export class ExecutorResourceRequests {
  readonly #requests = new Map<string, ExecutorResourceRequest>();

  get requests(): Readonly<Record<string, ExecutorResourceRequest>> {
    return Object.fromEntries(this.#requests);
  }

  cores(amount: number): this {
    return this.#add('cores', amount);
  }

  /** `4g`; a bare number counts MiB. */
  memory(amount: string): this {
    return this.#addMemory('memory', amount);
  }

  memoryOverhead(amount: string): this {
    return this.#addMemory('memoryOverhead', amount);
  }

  offHeapMemory(amount: string): this {
    return this.#addMemory('offHeap', amount);
  }

  /** @param discoveryScript a command that prints the resource's addresses. */
  resource(resourceName: string, amount: number, discoveryScript = '', vendor = ''): this {
    checkName(resourceName);
    return this.#add(resourceName, amount, discoveryScript, vendor);
  }

  #addMemory(resourceName: string, amount: string): this {
    const bytes = typeof amount === 'string' ? types.mib.parse(amount.trim()) : undefined;
    if (bytes === undefined)
      throw new IllegalArgumentError(
        `${resourceName}() of ExecutorResourceRequests takes ${types.mib.form}, but got ${describe(amount)}`,
      );
    return this.#add(resourceName, Math.floor(bytes / 1024 ** 2));
  }

  #add(resourceName: string, amount: number, discoveryScript = '', vendor = ''): this {
    if (!Number.isSafeInteger(amount) || amount < 0)
      throw new IllegalArgumentError(
        `the amount of ${resourceName} of an executor must be a whole number of 0 or more, but it is ${describe(amount)}`,
      );
    this.#requests.set(resourceName, { resourceName, amount, discoveryScript, vendor });
    return this;
  }
}

/** What each task of a profile takes. Spark: TaskResourceRequests */
export class TaskResourceRequests {
  readonly #requests = new Map<string, TaskResourceRequest>();

  get requests(): Readonly<Record<string, TaskResourceRequest>> {
    return Object.fromEntries(this.#requests);
  }

  /** Cores; a whole number. */
  cpus(amount: number): this {
    if (!Number.isSafeInteger(amount) || amount < 1)
      throw new IllegalArgumentError(`cpus() takes a whole number of 1 or more, but got ${describe(amount)}`);
    this.#requests.set('cpus', { resourceName: 'cpus', amount });
    return this;
  }

  /** @param amount addresses; 0.25 lets four tasks share one. */
  resource(resourceName: string, amount: number): this {
    checkName(resourceName);
    const isPart = typeof amount === 'number' && amount > 0 && amount <= 1;
    if (!isPart && (!Number.isSafeInteger(amount) || amount < 0))
      throw new IllegalArgumentError(
        `The resource amount ${describe(amount)} must be either <= 1.0, or a whole number.`,
      );
    this.#requests.set(resourceName, { resourceName, amount });
    return this;
  }
}

function checkName(resourceName: string): void {
  if (typeof resourceName !== 'string' || resourceName === '')
    throw new IllegalArgumentError(`resource() takes the name of a resource, but got ${describe(resourceName)}`);
}
