import type { ExecutorId, ShuffleId } from '../protocol/ids.ts';
import { parentPartitions, type ShuffleDependency } from '../rdd/dependency.ts';
import { RDDNode } from '../rdd/rdd-node.ts';
import type { CacheLocations, MapOutputRegistry } from './ports.ts';
import { isPersisted } from './stage-graph.ts';
import { parseLocation, type TaskLocation } from './task-set.ts';

/** Shuffles with as many map or reduce partitions are too costly to look through. Spark: SHUFFLE_PREF_MAP_THRESHOLD, … */
const MAX_MAPS = 1000;
const MAX_REDUCES = 1000;
/** A host with less of a reduce partition's input is not worth waiting for. Spark: REDUCER_PREF_LOCS_FRACTION */
const MIN_FRACTION = 0.2;

const NOWHERE: readonly TaskLocation[] = [];

/**
 * Where the tasks of one task set would best run: where a partition is cached, else where its node wants it, else where
 * the first of its narrow parents' partitions that wants any place wants it. The reader of one shuffle wants the hosts that
 * have much of its input.
 *
 * One object serves one task set: it remembers which steps of the lineage have no say, so that a task costs the length
 * of what matters and not the length of the lineage.
 *
 * Spark: DAGScheduler.getPreferredLocs
 */
export class PreferredLocations {
  readonly #cache: CacheLocations;
  /** Null: what a shuffle's reader fetches has no say. */
  readonly #mapOutputs: MapOutputRegistry | null;
  /** Per shuffle the places for each reduce partition; null: none. */
  readonly #reducePlaces = new Map<ShuffleId, readonly (readonly TaskLocation[])[] | null>();
  readonly #hostOf: (executorId: ExecutorId) => string | undefined;
  readonly #shortcuts = new Map<RDDNode, RDDNode>();

  constructor(
    cache: CacheLocations,
    hostOf: (executorId: ExecutorId) => string | undefined,
    mapOutputs: MapOutputRegistry | null = null,
  ) {
    this.#cache = cache;
    this.#mapOutputs = mapOutputs;
    this.#hostOf = hostOf;
  }

  /** Per partition in the order given; null when no partition prefers any place. */
  ofAll(node: RDDNode, partitions: readonly number[]): (readonly TaskLocation[])[] | null {
    let any = false;
    const locations = partitions.map((partition) => {
      const found = this.of(node, partition);
      any ||= found.length > 0;
      return found;
    });
    return any ? locations : null;
  }

  /** @throws what the nodes' own preferredLocations and parentPartitions throw. */
  of(root: RDDNode, rootPartition: number): readonly TaskLocation[] {
    let node = this.#shortcut(root);
    let partition = rootPartition;
    // Most lineages are a line: no bookkeeping until the first fork.
    let stack: { node: RDDNode; partition: number }[] | null = null;
    let seen: Map<RDDNode, Set<number>> | null = null;
    for (;;) {
      const here = this.#own(node, partition);
      if (here.length > 0) return here;
      const hop = node.hop(partition);
      if (hop !== null) {
        node = this.#shortcut(hop.node);
        partition = hop.partition;
        continue;
      }
      const next: { node: RDDNode; partition: number }[] = [];
      for (const dependency of node.dependencies)
        if (dependency.kind !== 'Shuffle')
          for (const parent of parentPartitions(dependency, partition))
            next.push({ node: this.#shortcut(dependency.rdd), partition: parent });
      if (next.length > 1 && seen === null) {
        seen = new Map();
        stack = [];
      }
      for (let i = next.length - 1; i >= 0; i--) {
        const step = next[i] as (typeof next)[number]; // i is within bounds
        if (seen !== null) {
          const partitions = seen.get(step.node) ?? new Set();
          if (partitions.has(step.partition)) continue;
          seen.set(step.node, partitions.add(step.partition));
        }
        stack ??= [];
        stack.push(step);
      }
      const step = stack?.pop();
      if (step === undefined) return NOWHERE;
      node = step.node;
      partition = step.partition;
    }
  }

  #own(node: RDDNode, partition: number): readonly TaskLocation[] {
    if (isPersisted(node)) {
      const cached: TaskLocation[] = [];
      for (const executorId of this.#cache.locations(node.id, partition)) {
        const host = this.#hostOf(executorId);
        if (host !== undefined) cached.push({ host, executorId });
      }
      if (cached.length > 0) return cached;
    }
    // A node that hops says what the nodes below it say. They are asked in turn, for one of them may be cached.
    if (node.hop(partition) !== null) return NOWHERE;
    const only = node.dependencies.length === 1 ? node.dependencies[0] : undefined;
    if (only?.kind === 'Shuffle') return this.#placesOfReduce(only)?.[partition] ?? NOWHERE;
    const own = node.preferredLocations(partition);
    return own.length === 0 ? NOWHERE : own.map(parseLocation);
  }

  /** Spark: MapOutputTrackerMaster.getPreferredLocationsForShuffle */
  #placesOfReduce(dependency: ShuffleDependency): readonly (readonly TaskLocation[])[] | null {
    const { shuffleId, partitioner, rdd } = dependency;
    const known = this.#reducePlaces.get(shuffleId);
    if (known !== undefined) return known;
    let places: readonly (readonly TaskLocation[])[] | null = null;
    const isSmall = rdd.numPartitions < MAX_MAPS && partitioner.numPartitions < MAX_REDUCES;
    if (this.#mapOutputs !== null && isSmall && this.#mapOutputs.hasShuffle(shuffleId))
      places = this.#mapOutputs
        .hostsWithLargestOutputs(shuffleId, MIN_FRACTION)
        .map((hosts) => hosts.map((host) => ({ host, executorId: null })));
    this.#reducePlaces.set(shuffleId, places);
    return places;
  }

  /** The first node below that may have a say or has not exactly one parent with the same partitions. */
  #shortcut(from: RDDNode): RDDNode {
    const known = this.#shortcuts.get(from);
    if (known !== undefined) return known;
    let node = from;
    for (;;) {
      const only = node.dependencies.length === 1 ? node.dependencies[0] : undefined;
      if (only?.kind !== 'OneToOne' || isPersisted(node) || hasOwnPreferences(node)) break;
      node = only.rdd;
    }
    this.#shortcuts.set(from, node);
    return node;
  }
}

/** A node with one parent either hops, for all partitions alike, or may have an opinion. */
function hasOwnPreferences(node: RDDNode): boolean {
  return node.preferredLocations !== RDDNode.prototype.preferredLocations && node.hop(0) === null;
}
