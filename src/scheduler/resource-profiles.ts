import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { DEFAULT_RESOURCE_PROFILE, type ResourceProfile } from '../protocol/resource-profile.ts';
import { newResourceProfile } from '../rdd/resource-profile-builder.ts';

export interface ResourceProfileRules {
  /** Executors come from a cluster manager (local-cluster counts); local masters have one that is as it is. */
  readonly hasClusterManager: boolean;
  /** spark.dynamicAllocation.enabled */
  readonly dynamicAllocation: boolean;
  /** spark.scheduler.resource.profileMergeConflicts */
  readonly mergeConflicts: boolean;
  /** spark.task.cpus: what a task takes whose profile does not say. */
  readonly cpusPerTask: number;
}

/** The profiles that the application has used. Spark: ResourceProfileManager, DAGScheduler.mergeResourceProfilesForStage */
export class ResourceProfiles {
  readonly #rules: ResourceProfileRules;
  readonly #byId = new Map<number, ResourceProfile>([[0, DEFAULT_RESOURCE_PROFILE]]);

  constructor(rules: ResourceProfileRules) {
    this.#rules = rules;
  }

  get(id: number): ResourceProfile | undefined {
    return this.#byId.get(id);
  }

  /** @throws IskraError when there can be no executors for it. */
  add(profile: ResourceProfile): void {
    this.#checkSupported(profile);
    this.#checkCpus(profile);
    this.#byId.set(profile.id, profile);
  }

  /**
   * The one profile of a stage whose RDDs have these.
   *
   * @throws IllegalArgumentError when there are several, and conflicts are not to be merged.
   */
  ofStage(profiles: ReadonlySet<ResourceProfile>): ResourceProfile {
    const [first, ...others] = [...profiles].sort((a, b) => a.id - b.id);
    if (first === undefined) return DEFAULT_RESOURCE_PROFILE;
    if (others.length === 0) return first;
    if (!this.#rules.mergeConflicts)
      throw new IllegalArgumentError(
        'Multiple ResourceProfiles specified in the RDDs for this stage, either resolve the conflicting ResourceProfiles ' +
          'yourself or enable spark.scheduler.resource.profileMergeConflicts and understand how Spark handles the ' +
          'merging them.',
      );
    const merged = others.reduce<Requests>(merge, first);
    for (const known of this.#byId.values()) if (isSame(known, merged)) return known;
    const profile = newResourceProfile(merged.executorResources, merged.taskResources);
    this.add(profile);
    return profile;
  }

  /** Its tasks would wait for ever. Spark: ResourceUtils.validateTaskCpusLargeEnough */
  #checkCpus({ executorResources, taskResources }: ResourceProfile): void {
    const cores = executorResources['cores']?.amount;
    const cpus = taskResources['cpus']?.amount ?? this.#rules.cpusPerTask;
    if (cores === undefined || cores >= cpus) return;
    throw new IskraError(
      'RESOURCE_PROFILE',
      `The number of cores per executor (=${cores}) has to be >= the number of cpus per task = ${cpus}.`,
    );
  }

  /** Spark: ResourceProfileManager.isSupported */
  #checkSupported(profile: ResourceProfile): void {
    if (profile.id === DEFAULT_RESOURCE_PROFILE.id) return;
    const { hasClusterManager, dynamicAllocation } = this.#rules;
    const ofTasksAlone = Object.keys(profile.executorResources).length === 0;
    if (ofTasksAlone && !dynamicAllocation) {
      if (hasClusterManager) return;
      throw new IskraError(
        'RESOURCE_PROFILE',
        'TaskResourceProfiles are only supported for Standalone, Yarn and Kubernetes cluster for now when dynamic allocation is disabled.',
      );
    }
    if (hasClusterManager && dynamicAllocation) return;
    throw new IskraError(
      'RESOURCE_PROFILE',
      'ResourceProfiles are only supported on YARN and Kubernetes and Standalone with dynamic allocation enabled.',
    );
  }
}

type Requests = Pick<ResourceProfile, 'executorResources' | 'taskResources'>;

/** Of each resource the larger amount. Spark: DAGScheduler.mergeResourceProfiles */
function merge(a: Requests, b: Requests): Requests {
  return {
    executorResources: larger(a.executorResources, b.executorResources),
    taskResources: larger(a.taskResources, b.taskResources),
  };
}

function larger<R extends { readonly amount: number }>(
  a: Readonly<Record<string, R>>,
  b: Readonly<Record<string, R>>,
): Readonly<Record<string, R>> {
  const all = new Map(Object.entries(a));
  for (const [name, request] of Object.entries(b)) {
    const known = all.get(name);
    if (known === undefined || request.amount > known.amount) all.set(name, request);
  }
  return Object.fromEntries(all);
}

function isSame(a: Requests, b: Requests): boolean {
  const text = ({ executorResources, taskResources }: Requests): string =>
    JSON.stringify(
      [executorResources, taskResources].map((all) => Object.entries(all).sort(([x], [y]) => (x < y ? -1 : 1))),
    );
  return text(a) === text(b);
}
