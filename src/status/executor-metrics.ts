// Peaks of an executor's memory, by Spark's names. Spark: ExecutorMetricType

import { type LoggedObject, NOTHING } from './logged-values.ts';
import { atQuantiles } from './task-metrics.ts';

const NAMES = [
  'JVMHeapMemory',
  'JVMOffHeapMemory',
  'OnHeapExecutionMemory',
  'OffHeapExecutionMemory',
  'OnHeapStorageMemory',
  'OffHeapStorageMemory',
  'OnHeapUnifiedMemory',
  'OffHeapUnifiedMemory',
  'DirectPoolMemory',
  'MappedPoolMemory',
  'ProcessTreeJVMVMemory',
  'ProcessTreeJVMRSSMemory',
  'ProcessTreePythonVMemory',
  'ProcessTreePythonRSSMemory',
  'ProcessTreeOtherVMemory',
  'ProcessTreeOtherRSSMemory',
  'MinorGCCount',
  'MinorGCTime',
  'MajorGCCount',
  'MajorGCTime',
  'TotalGCTime',
  'ConcurrentGCCount',
  'ConcurrentGCTime',
] as const;

/** The highest value of each that was told. */
export class PeakMetrics {
  /** The first is below zero until something was told. */
  readonly #peaks: number[] = NAMES.map((_, i) => (i === 0 ? -1 : 0));

  get isKnown(): boolean {
    return (this.#peaks[0] as number) > -1;
  }

  update(logged: LoggedObject): void {
    if (logged === NOTHING) {
      // Most logs say nothing of a task: all of it is 0 then, as Spark has it.
      this.#peaks[0] = Math.max(0, this.#peaks[0] as number);
      return;
    }
    NAMES.forEach((name, i) => {
      const value = logged[name];
      const peak = typeof value === 'number' ? value : 0;
      if (peak > (this.#peaks[i] as number)) this.#peaks[i] = peak; // of the same length
    });
  }

  get totalGcTime(): number {
    return this.of(NAMES.indexOf('TotalGCTime'));
  }

  of(index: number): number {
    return this.#peaks[index] ?? 0;
  }

  /** Null while nothing is known. */
  toJson(): object | null {
    return this.isKnown ? Object.fromEntries(NAMES.map((name, i) => [name, this.#peaks[i]])) : null;
  }
}

export function peakDistributions(peaks: readonly PeakMetrics[], quantiles: readonly number[]): object {
  return Object.fromEntries(
    NAMES.map((name, i) => [
      name,
      atQuantiles(
        peaks.map((peak) => peak.of(i)),
        quantiles,
      ),
    ]),
  );
}
