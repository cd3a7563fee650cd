import { InvariantError } from '../../base/errors.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import type { JobRunner } from '../job-runner.ts';
import type { Preparable, PrepareOptions } from '../prepare-lineage.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';
import { runPreparingJob, SharedPreparation } from '../shared-preparation.ts';

/**
 * Records with their position in the whole RDD. All partitions but the last are counted by a job before the first job that
 * needs the positions (Spark: at once); one partition alone is not counted.
 *
 * Spark: ZippedWithIndexRDD
 */
export class ZippedWithIndexRDD extends RDDNode implements Preparable {
  readonly className = 'ZippedWithIndexRDD';
  readonly dependencies: readonly [Dependency];
  override readonly isOrderSensitive = true;
  readonly #counting = new SharedPreparation();
  /** starts[i]: position of the first record of partition i. */
  #starts: readonly number[] | null = null;

  constructor(id: RddId, callSite: string, parent: RDDNode) {
    super(id, callSite);
    this.dependencies = [{ kind: 'OneToOne', rdd: parent }];
  }

  get #parent(): RDDNode {
    return this.dependencies[0].rdd;
  }

  get numPartitions(): number {
    return this.#parent.numPartitions;
  }

  get isPrepared(): boolean {
    return this.#starts !== null;
  }

  prepare(jobs: JobRunner, options: PrepareOptions): Promise<void> {
    if (this.isPrepared) return Promise.resolve();
    return this.#counting.join(options.signal, async (signal) => {
      this.#starts = await this.#count(jobs, { ...options, signal });
    });
  }

  override preferredLocations(partition: number): readonly string[] {
    return this.#parent.preferredLocations(partition);
  }

  split(partition: number): Split {
    if (this.#starts === null)
      throw new InvariantError('a split of a ZippedWithIndexRDD was asked for before any job counted its records');
    return { index: partition, payload: this.#starts[partition], parents: [this.#parent.split(partition)] };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return { kind: 'ZipWithIndex', parent: builder.node(this.#parent) };
  }

  async #count(jobs: JobRunner, options: PrepareOptions): Promise<readonly number[]> {
    const callSite = this.callSite;
    const but = Math.max(0, this.numPartitions - 1);
    const partitions = Array.from({ length: but }, (_, p) => p);
    const counts =
      but === 0
        ? []
        : await runPreparingJob(jobs, this.#parent, { kind: 'count' }, partitions, { ...options, callSite });
    const starts = [0];
    for (const count of counts) starts.push((starts.at(-1) as number) + (count as number)); // begins with one
    return starts;
  }
}
