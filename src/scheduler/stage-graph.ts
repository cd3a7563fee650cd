import type { JobId, ShuffleId, StageId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import { type BarrierLimits, checkBarrierStage } from './barrier-checks.ts';
import type { CacheLocations, MapOutputRegistry } from './ports.ts';
import type { ResourceProfiles } from './resource-profiles.ts';
import { Stage } from './stage.ts';
import type { StageWork } from './task-set.ts';

/**
 * Cuts lineages into stages and remembers the stages that a job needs.
 *
 * Every walk keeps its own stack: a lineage of thousands of steps, or of thousands of shuffles, must not overflow ours.
 * A map stage is found again by its shuffle, so jobs that share a shuffle share its stage.
 */
export class StageGraph {
  readonly #mapOutputs: MapOutputRegistry;
  readonly #cache: CacheLocations;
  readonly #barriers: BarrierLimits;
  readonly #profiles: Pick<ResourceProfiles, 'ofStage'>;
  readonly #byId = new Map<StageId, Stage>();
  readonly #byShuffle = new Map<ShuffleId, Stage>();
  #nextStageId = 0;

  constructor(
    mapOutputs: MapOutputRegistry,
    cache: CacheLocations,
    barriers: BarrierLimits,
    profiles: Pick<ResourceProfiles, 'ofStage'>,
  ) {
    this.#mapOutputs = mapOutputs;
    this.#cache = cache;
    this.#barriers = barriers;
    this.#profiles = profiles;
  }

  get(stageId: StageId): Stage | undefined {
    return this.#byId.get(stageId);
  }

  ofShuffle(shuffleId: ShuffleId): Stage | undefined {
    return this.#byShuffle.get(shuffleId);
  }

  all(): Iterable<Stage> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  get numShuffles(): number {
    return this.#byShuffle.size;
  }

  /**
   * The final stage of a job, with all missing ancestors made before it (so theirs are the lower ids) and the job noted
   * in every stage it needs.
   *
   * @throws what a node throws when asked for its dependencies or partitions; then no stage stays behind.
   */
  createResultStage(
    jobId: JobId,
    node: RDDNode,
    numPartitions: number,
    numOutputs: number,
    sink: unknown,
    name: string,
  ): Stage {
    const made: Stage[] = [];
    try {
      const pipeline = walkPipeline(node);
      const profile = this.#profileOf(node, pipeline, numOutputs);
      const parents = pipeline.shuffles.map((dependency) => this.#mapStage(dependency, made));
      const work = { kind: 'Result', node, sink } as const;
      const stage = this.#add(work, pipeline, profile, parents, numPartitions, numOutputs, name);
      this.#noteJob(stage, jobId);
      return stage;
    } catch (error) {
      for (const stage of made) this.remove(stage);
      throw error;
    }
  }

  /** The stage that writes this shuffle, for a job that wants nothing else. See createResultStage. */
  mapStageFor(jobId: JobId, dependency: ShuffleDependency): Stage {
    const made: Stage[] = [];
    try {
      const stage = this.#mapStage(dependency, made);
      this.#noteJob(stage, jobId);
      return stage;
    } catch (error) {
      for (const stage of made) this.remove(stage);
      throw error;
    }
  }

  remove(stage: Stage): void {
    this.#byId.delete(stage.id);
    const shuffleId = stage.dependency?.shuffleId;
    if (shuffleId !== undefined && this.#byShuffle.get(shuffleId) === stage) this.#byShuffle.delete(shuffleId);
  }

  /** Whether every output of a map stage is there. A result stage asks its job instead. */
  isAvailable(stage: Stage): boolean {
    const shuffleId = stage.dependency?.shuffleId;
    return shuffleId !== undefined && this.#mapOutputs.numAvailableOutputs(shuffleId) === stage.numPartitions;
  }

  /**
   * Parents whose output this stage would have to read and cannot, lower ids first. What lies behind a fully cached
   * RDD is not read.
   *
   * Spark: DAGScheduler.getMissingParentStages
   */
  missingParents(stage: Stage): Stage[] {
    if (stage.parents.every((parent) => this.isAvailable(parent))) return [];
    const missing = new Set<Stage>();
    const seen = new Set<RDDNode>([stage.node]);
    const stack = [stage.node];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (this.#isFullyCached(node)) continue;
      for (const dependency of node.dependencies) {
        if (dependency.kind === 'Shuffle') {
          const parent = this.#byShuffle.get(dependency.shuffleId);
          if (parent !== undefined && !this.isAvailable(parent)) missing.add(parent);
        } else if (!seen.has(dependency.rdd)) {
          seen.add(dependency.rdd);
          stack.push(dependency.rdd);
        }
      }
    }
    return [...missing].sort((a, b) => a.id - b.id);
  }

  #isFullyCached(node: RDDNode): boolean {
    if (!isPersisted(node)) return false;
    for (let i = 0; i < node.numPartitions; i++) if (this.#cache.locations(node.id, i).length === 0) return false;
    return true;
  }

  /** Finds or makes the map stage of a shuffle; ancestors first, depth first, leftmost first. */
  #mapStage(dependency: ShuffleDependency, made: Stage[]): Stage {
    interface Frame {
      readonly dependency: ShuffleDependency;
      readonly pipeline: Pipeline;
      next: number;
    }
    const frame = (d: ShuffleDependency): Frame => ({ dependency: d, pipeline: walkPipeline(d.rdd), next: 0 });
    const known = this.#byShuffle.get(dependency.shuffleId);
    if (known !== undefined) return known;
    const stack = [frame(dependency)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.pipeline.shuffles[top.next++];
      if (next !== undefined) {
        if (!this.#byShuffle.has(next.shuffleId)) stack.push(frame(next));
        continue;
      }
      stack.pop();
      made.push(this.#makeMapStage(top.dependency, top.pipeline));
    }
    // The bottom frame was the last to be made.
    return this.#byShuffle.get(dependency.shuffleId) as Stage;
  }

  #makeMapStage(dependency: ShuffleDependency, pipeline: Pipeline): Stage {
    const node = dependency.rdd;
    const numMaps = node.numPartitions;
    const profile = this.#profileOf(node, pipeline, numMaps);
    const numReduces = dependency.partitioner.numPartitions;
    // Made before this one: #mapStage goes through pipeline.shuffles first.
    const parents = pipeline.shuffles.map((d) => this.#byShuffle.get(d.shuffleId) as Stage);
    const stage = this.#add(
      { kind: 'ShuffleMap', node, dependency },
      pipeline,
      profile,
      parents,
      numMaps,
      numMaps,
      node.callSite,
    );
    this.#byShuffle.set(dependency.shuffleId, stage);
    if (!this.#mapOutputs.hasShuffle(dependency.shuffleId))
      this.#mapOutputs.registerShuffle(dependency.shuffleId, numMaps, numReduces);
    return stage;
  }

  /** @throws IskraError when a stage of these nodes cannot run. */
  #profileOf(root: RDDNode, pipeline: Pipeline, numTasks: number): ResourceProfile {
    const profile = this.#profiles.ofStage(pipeline.profiles);
    if (pipeline.isBarrier) checkBarrierStage(root, pipeline.nodes, numTasks, profile, this.#barriers);
    return profile;
  }

  #add(
    work: StageWork,
    pipeline: Pipeline,
    profile: ResourceProfile,
    parents: readonly Stage[],
    numPartitions: number,
    numOutputs: number,
    name: string,
  ): Stage {
    const id = this.#nextStageId++;
    const { nodes, isBarrier } = pipeline;
    const stage = new Stage(id, work, parents, numPartitions, numOutputs, name, nodes, isBarrier, profile);
    this.#byId.set(id, stage);
    return stage;
  }

  #noteJob(finalStage: Stage, jobId: JobId): void {
    const stack = [finalStage];
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      if (stage.jobs.has(jobId)) continue;
      stage.jobs.add(jobId);
      stack.push(...stage.parents);
    }
  }
}

/** The nodes that one stage computes, and the shuffles it begins at. */
interface Pipeline {
  readonly nodes: readonly RDDNode[];
  readonly isBarrier: boolean;
  readonly profiles: ReadonlySet<ResourceProfile>;
  readonly shuffles: readonly ShuffleDependency[];
}

/** Follows narrow dependencies from `root`, leftmost first, and stops at shuffles. */
function walkPipeline(root: RDDNode): Pipeline {
  const nodes: RDDNode[] = [];
  let isBarrier = false;
  const profiles = new Set<ResourceProfile>();
  const shuffles = new Map<ShuffleId, ShuffleDependency>();
  const seen = new Set<RDDNode>([root]);
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    nodes.push(node);
    isBarrier ||= node.isFromBarrier;
    if (node.resourceProfile !== null) profiles.add(node.resourceProfile);
    for (let i = node.dependencies.length - 1; i >= 0; i--) {
      // i is within bounds
      const dependency = node.dependencies[i] as (typeof node.dependencies)[number];
      if (dependency.kind !== 'Shuffle' && !seen.has(dependency.rdd)) {
        seen.add(dependency.rdd);
        stack.push(dependency.rdd);
      }
    }
    for (const dependency of node.dependencies)
      if (dependency.kind === 'Shuffle') shuffles.set(dependency.shuffleId, dependency);
  }
  return { nodes, isBarrier, profiles, shuffles: [...shuffles.values()] };
}

/** Whether blocks of this node may be found instead of computing it. */
export function isPersisted(node: RDDNode): boolean {
  const level = node.storageLevel;
  return level.useMemory || level.useDisk || level.useOffHeap;
}
