import { AggregationTable } from './aggregation-table.ts';
import { GrowthTracker } from './growth-tracker.ts';
import type { MergeLoop } from './merge-loops.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import type { MemoryUse } from './task-memory.ts';

/** A hash aggregation: combiners by key. */
export class Aggregator {
  readonly table: AggregationTable = new AggregationTable();
  readonly #env: ShuffleEnv;
  readonly #memory: MemoryUse;
  readonly #growth = new GrowthTracker(() => this.table.estimatedBytes());

  constructor(env: ShuffleEnv, _mergeCombiners: MergeLoop) {
    this.#env = env;
    this.#memory = env.memory.use();
  }

  endBatch(): void {
    this.#memory.shouldSpill(this.#growth.estimate());
  }

  finish(): PairStream {
    const { table } = this;
    let block: PairBlock | null = { keys: table.keys, values: table.values };
    return {
      next: () => {
        const b = block;
        block = null;
        return b;
      },
      close: () => this.close(),
    };
  }

  close(): void {
    this.#memory.release();
    const { metrics, memory } = this.#env;
    metrics.peakExecutionMemoryBytes = Math.max(metrics.peakExecutionMemoryBytes, memory.peakBytes);
  }
}
