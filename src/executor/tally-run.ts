import type { NarrowOp } from '../protocol/stage-program.ts';
import type { AggregationTable } from '../shuffle/aggregation-table.ts';
import type { StageRun } from './stage-run.ts';
import type { TaskSink } from './task-sink.ts';
import { TextTally, tallyText } from './text-tally.ts';
import { wordClasses } from './word-classes.ts';
import { hasKernel } from './word-kernel.ts';

/**
 * Runs a task whose program says that words may be counted before they are strings.
 *
 * @param ops what stands between the node `base` and the sink.
 * @returns false, and has done nothing, when the program does not say so, its lines cannot be cut at bytes, or there is no kernel here.
 */
export function runTally(run: StageRun, sink: TaskSink, ops: readonly NarrowOp[], base: number): boolean {
  const plan = run.program.tally;
  if (plan === undefined || plan.files !== base) return false;
  const classes = wordClasses(plan.split);
  if (classes === null || !hasKernel()) return false;
  const { env } = run;
  const metrics = env.task.taskMetrics();
  const cutAndMap = run.batchSegment(ops, sink.code);
  const map = run.batchSegment(ops.slice(1), { kind: 'push' });
  const word: [string] = [''];
  const mapped: { readonly out: [unknown, number][] } = { out: [] };
  const { table } = sink.state as { readonly table: AggregationTable }; // the sink combines: tallyPlan
  const tally = new TextTally(classes, {
    onLines: (lines) => {
      cutAndMap(lines, 0, lines.length, sink.state);
    },
    onWord: (text, times) => {
      word[0] = text;
      mapped.out.length = 0;
      map(word, 0, 1, mapped);
      const [pair] = mapped.out;
      if (pair !== undefined) addTimes(table, pair[0], pair[1], times);
    },
    endBatch: () => sink.endBatch(),
    read: (lines) => {
      metrics.inputRecordsRead += lines;
    },
  });
  tallyText(run.texts(env.task.split), tally, () => env.link.throwIfKilled(env.task.taskAttemptId));
  return true;
}

/** Adds a value to a key's sum as often as told: by one product where that gives the same. */
function addTimes(table: AggregationTable, key: unknown, value: number, times: number): void {
  const entry = table.upsert(key);
  const sums = table.values as number[];
  let left = times;
  if (entry === sums.length) {
    sums.push(value);
    left--;
  }
  const sum = (sums[entry] as number) + value * left;
  if (Number.isSafeInteger(value) && Number.isSafeInteger(sum)) sums[entry] = sum;
  // Sums of fractions depend on the order of adding, and what is not a number stays so.
  else for (; left > 0; left--) sums[entry] = (sums[entry] as number) + value;
}
