import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, RangePayload, Split } from '../../protocol/stage-program.ts';
import { RDDNode } from '../rdd-node.ts';

/** The numbers start, start + step, … before end; nothing of them exists before a task counts. Spark: SparkContext.range */
export class RangeRDD extends RDDNode {
  readonly className = 'RangeRDD';
  readonly dependencies = [] as const;
  readonly numPartitions: number;
  readonly start: number;
  readonly step: number;
  /** How many numbers there are. */
  readonly count: number;

  /** Arguments are checked by sources.ts: safe integers, step not 0. */
  constructor(id: RddId, callSite: string, start: number, end: number, step: number, numPartitions: number) {
    super(id, callSite);
    this.start = start;
    this.step = step;
    this.numPartitions = numPartitions;
    this.count = countOf(start, end, step);
  }

  split(partition: number): Split {
    const from = boundary(partition, this.count, this.numPartitions);
    const until = boundary(partition + 1, this.count, this.numPartitions);
    const payload: RangePayload = { start: this.start + from * this.step, step: this.step, count: until - from };
    return { index: partition, payload };
  }

  plan(): NodeSource {
    return { kind: 'Range' };
  }
}

/** end - start may not be exact in a double even when both are: hence BigInt. */
function countOf(start: number, end: number, step: number): number {
  const distance = BigInt(end) - BigInt(start);
  const s = BigInt(step);
  if (distance === 0n || distance > 0n !== s > 0n) return 0;
  const whole = distance / s;
  return Number(whole * s === distance ? whole : whole + 1n);
}

/** floor(i * count / parts), exact also where the product leaves the safe integers. */
export function boundary(i: number, count: number, parts: number): number {
  const product = i * count;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / parts);
  return Number((BigInt(i) * BigInt(count)) / BigInt(parts));
}
