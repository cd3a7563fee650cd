import { type PerformanceEntry, PerformanceObserver, constants as perfConstants } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { Counter, gauge, type Metric } from './instruments.ts';
import type { OpenSource } from './open-sources.ts';

/** How collections are called, by kind. */
const COLLECTORS: Readonly<Record<number, string>> = {
  [perfConstants.NODE_PERFORMANCE_GC_MINOR]: 'Scavenge',
  [perfConstants.NODE_PERFORMANCE_GC_MAJOR]: 'Mark-Compact',
  [perfConstants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'Incremental-Marking',
};

/**
 * The memory of this process's main thread and its collections, under names of a JVM where there is something like it.
 *
 * Spark: JvmSource
 */
export class ProcessSource implements OpenSource {
  readonly name = 'jvm';
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly #observer: PerformanceObserver;

  constructor() {
    const counts = new Map<string, Counter>();
    const times = new Map<string, number>();
    const collectors: Record<string, Metric> = {};
    for (const name of Object.values(COLLECTORS)) {
      counts.set(name, new Counter());
      times.set(name, 0);
      collectors[`${name}.count`] = gauge(() => counts.get(name)?.count ?? 0);
      collectors[`${name}.time`] = gauge(() => Math.round(times.get(name) ?? 0));
    }
    this.metrics = { ...memoryGauges(), ...poolGauges(), ...collectors };
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const name = COLLECTORS[kindOf(entry)];
        if (name === undefined) continue;
        counts.get(name)?.inc();
        times.set(name, (times.get(name) ?? 0) + entry.duration);
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  close(): void {
    this.#observer.disconnect();
  }
}

function kindOf(entry: PerformanceEntry): number {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } }; // entries of collections have one
  return detail?.kind ?? -1;
}

function memoryGauges(): Record<string, Metric> {
  return {
    'heap.used': gauge(() => getHeapStatistics().used_heap_size),
    'heap.committed': gauge(() => getHeapStatistics().total_heap_size),
    'heap.max': gauge(() => getHeapStatistics().heap_size_limit),
    'heap.usage': gauge(() => getHeapStatistics().used_heap_size / getHeapStatistics().heap_size_limit),
    'non-heap.used': gauge(() => process.memoryUsage().external),
    'total.used': gauge(() => getHeapStatistics().used_heap_size + process.memoryUsage().external),
    'total.committed': gauge(() => process.memoryUsage.rss()),
    'direct.used': gauge(() => process.memoryUsage().arrayBuffers),
  };
}

function poolGauges(): Record<string, Metric> {
  const gauges: Record<string, Metric> = {};
  for (const { space_name: name } of getHeapSpaceStatistics()) {
    const space = () => getHeapSpaceStatistics().find((each) => each.space_name === name);
    const pool = `pools.${name.replace(/_/g, '-')}`;
    gauges[`${pool}.used`] = gauge(() => space()?.space_used_size ?? 0);
    gauges[`${pool}.committed`] = gauge(() => space()?.space_size ?? 0);
  }
  return gauges;
}
