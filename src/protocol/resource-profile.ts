/** What an executor of a profile must have: `cores`, `memory`, …, or a custom resource such as `gpu`. Spark: ExecutorResourceRequest */
export interface ExecutorResourceRequest {
  readonly resourceName: string;
  /** Cores, MiB, or a number of addresses. */
  readonly amount: number;
  /** A command that prints the addresses; empty: none. */
  readonly discoveryScript: string;
  /** Who makes the resource; only some cluster managers ask. */
  readonly vendor: string;
}

/** What one task takes: `cpus`, or a custom resource. Below 1: that part of one address. Spark: TaskResourceRequest */
export interface TaskResourceRequest {
  readonly resourceName: string;
  readonly amount: number;
}

/** What a stage wants of its executors and of each slot. Spark: ResourceProfile */
export interface ResourceProfile {
  /** 0: the default, which the settings of the application describe. */
  readonly id: number;
  readonly executorResources: Readonly<Record<string, ExecutorResourceRequest>>;
  readonly taskResources: Readonly<Record<string, TaskResourceRequest>>;
}

/** Stands for "as the application's settings say"; the scheduler knows what those are. */
export const DEFAULT_RESOURCE_PROFILE: ResourceProfile = { id: 0, executorResources: {}, taskResources: {} };

/** Addresses of one resource that a task or an executor has: GPU indexes, for instance. Spark: ResourceInformation */
export interface ResourceInformation {
  readonly name: string;
  readonly addresses: readonly string[];
}
