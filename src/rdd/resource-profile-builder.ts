import { IllegalArgumentError } from '../base/errors.ts';
import type { ExecutorResourceRequest, ResourceProfile, TaskResourceRequest } from '../protocol/resource-profile.ts';
import { ExecutorResourceRequests, TaskResourceRequests } from './resource-requests.ts';
import { describe } from './user-function.ts';

let nextId = 1;

/** A profile with an id of its own; 0 is the default one. */
export function newResourceProfile(
  executorResources: Readonly<Record<string, ExecutorResourceRequest>>,
  taskResources: Readonly<Record<string, TaskResourceRequest>>,
): ResourceProfile {
  return { id: nextId++, executorResources, taskResources };
}

/**
 * Puts a profile together, for RDD.withResources.
 *
 * Spark: ResourceProfileBuilder
 */
export class ResourceProfileBuilder {
  readonly #executor = new Map<string, ExecutorResourceRequest>();
  readonly #task = new Map<string, TaskResourceRequest>();

  get executorResources(): Readonly<Record<string, ExecutorResourceRequest>> {
    return Object.fromEntries(this.#executor);
  }

  get taskResources(): Readonly<Record<string, TaskResourceRequest>> {
    return Object.fromEntries(this.#task);
  }

  require(requests: ExecutorResourceRequests | TaskResourceRequests): this {
    if (requests instanceof ExecutorResourceRequests)
      for (const request of Object.values(requests.requests)) this.#executor.set(request.resourceName, request);
    else if (requests instanceof TaskResourceRequests)
      for (const request of Object.values(requests.requests)) this.#task.set(request.resourceName, request);
    else
      throw new IllegalArgumentError(
        `require() takes ExecutorResourceRequests or TaskResourceRequests, but got ${describe(requests)}`,
      );
    return this;
  }

  clearExecutorResourceRequests(): this {
    this.#executor.clear();
    return this;
  }

  clearTaskResourceRequests(): this {
    this.#task.clear();
    return this;
  }

  /** Without requests of executors it is a profile of tasks alone, which run on executors as the settings describe them. */
  build(): ResourceProfile {
    return newResourceProfile(this.executorResources, this.taskResources);
  }
}
