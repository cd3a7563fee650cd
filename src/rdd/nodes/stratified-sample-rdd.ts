import { InvariantError } from '../../base/errors.ts';
import { noFraction, type Quotas, shareQuotas } from '../../base/stratified-sampling.ts';
import { ValueMap } from '../../base/value-map.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import type { JobRunner } from '../job-runner.ts';
import type { Partitioner } from '../partitioner.ts';
import type { Preparable, PrepareOptions } from '../prepare-lineage.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';
import { encodeOne } from '../record-blocks.ts';
import { everyPartition } from '../results.ts';
import { runPreparingJob, SharedPreparation } from '../shared-preparation.ts';

export interface StratifiedSample {
  readonly withReplacement: boolean;
  /** [key, fraction] each. */
  readonly fractions: readonly (readonly [unknown, number])[];
  readonly seed: number;
  /** A node of [key, how many] for each partition of the parent. */
  readonly counting: RDDNode;
}

/**
 * Of each key exactly its fraction of the pairs. How many a partition gives is known when a job has counted its keys, which it
 * does before the first job that needs them.
 *
 * Spark: PairRDDFunctions.sampleByKeyExact, whose node is one of mapPartitions
 */
export class StratifiedSampleRDD extends RDDNode implements Preparable {
  readonly className = 'MapPartitionsRDD';
  readonly dependencies: readonly [Dependency];
  override readonly isOrderSensitive = true;
  override readonly partitioner: Partitioner | null;
  readonly #sample: StratifiedSample;
  readonly #counting = new SharedPreparation();
  #quotas: readonly Quotas[] | null = null;

  constructor(id: RddId, callSite: string, parent: RDDNode, sample: StratifiedSample) {
    super(id, callSite);
    this.dependencies = [{ kind: 'OneToOne', rdd: parent }];
    this.partitioner = parent.partitioner;
    this.#sample = sample;
  }

  get #parent(): RDDNode {
    return this.dependencies[0].rdd;
  }

  get numPartitions(): number {
    return this.#parent.numPartitions;
  }

  get isPrepared(): boolean {
    return this.#quotas !== null;
  }

  prepare(jobs: JobRunner, options: PrepareOptions): Promise<void> {
    if (this.isPrepared) return Promise.resolve();
    return this.#counting.join(options.signal, async (signal) => {
      const { fractions, withReplacement, seed, counting } = this.#sample;
      const counts = await runPreparingJob(jobs, counting, { kind: 'collect' }, everyPartition(counting), {
        ...options,
        callSite: this.callSite,
        signal,
      });
      const byKey = new ValueMap(fractions);
      const wanted = (key: unknown, total: number): number => {
        const size = Math.ceil(total * (byKey.get(key) ?? noFraction(key)));
        return withReplacement ? size : Math.min(size, total);
      };
      // The counting node's records are pairs of a key and a number.
      this.#quotas = shareQuotas(counts as [unknown, number][][], wanted, withReplacement, seed);
    });
  }

  override preferredLocations(partition: number): readonly string[] {
    return this.#parent.preferredLocations(partition);
  }

  split(partition: number): Split {
    if (this.#quotas === null)
      throw new InvariantError('a split of sampleByKeyExact() was asked for before any job counted its keys');
    const payload = encodeOne(this.#quotas[partition]);
    return { index: partition, payload, parents: [this.#parent.split(partition)] };
  }

  plan(builder: ProgramBuilder): NodeSource {
    const { withReplacement, seed } = this.#sample;
    return { kind: 'TakeQuotas', parent: builder.node(this.#parent), withReplacement, seed };
  }
}
