import type { RddId } from '../protocol/ids.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';

/** The RDDs that are persisted now, without keeping them from the garbage collector. Spark: SparkContext.persistentRdds */
export class PersistedRDDs {
  readonly #nodes = new Map<RddId, WeakRef<RDDNode>>();

  add(node: RDDNode): void {
    this.#nodes.set(node.id, new WeakRef(node));
  }

  /** False when it was not persisted. */
  remove(rddId: RddId): boolean {
    return this.#nodes.delete(rddId);
  }

  get(rddId: RddId): RDDNode | undefined {
    return this.#nodes.get(rddId)?.deref();
  }

  all(): RDDNode[] {
    return [...this.#nodes.values()].flatMap((reference) => reference.deref() ?? []);
  }
}
