import { readFileSync } from 'node:fs';
import { gauge, type Metric } from './instruments.ts';
import type { Source } from './metrics-snapshot.ts';

/** Of the pool that tasks and blocks share, bytes. */
export interface MemoryUse {
  readonly executionUsed: number;
  readonly storageUsed: number;
}

/**
 * What memory a driver or an executor uses now, under the names that Spark has for peaks. A JVM's heap is the heap of the main
 * thread here; what all threads have together, tasks' slots above all, shows in the memory of the process.
 *
 * @param memory null: there are no tasks and no blocks in this process.
 *
 * Spark: ExecutorMetricsSource, ExecutorMetricType
 */
export function executorMetricsSource(memory: MemoryUse | null): Source {
  const execution = (): number => memory?.executionUsed ?? 0;
  const storage = (): number => memory?.storageUsed ?? 0;
  const metrics: Record<string, Metric> = {
    JVMHeapMemory: gauge(() => process.memoryUsage().heapUsed),
    JVMOffHeapMemory: gauge(() => process.memoryUsage().external),
    DirectPoolMemory: gauge(() => process.memoryUsage().arrayBuffers),
    OnHeapExecutionMemory: gauge(execution),
    OnHeapStorageMemory: gauge(storage),
    OnHeapUnifiedMemory: gauge(() => execution() + storage()),
    ProcessTreeJVMRSSMemory: gauge(() => process.memoryUsage.rss()),
  };
  if (virtualBytes() > 0) metrics['ProcessTreeJVMVMemory'] = gauge(virtualBytes);
  return { name: 'ExecutorMetrics', metrics };
}

/** 0 where there is no /proc. */
function virtualBytes(): number {
  try {
    const kib = /^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

const US_TO_NS = 1000;

/** The time on a CPU of all threads of this process, ns. Spark: JVMCPUSource */
export function cpuSource(): Source {
  const cpuTime = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) * US_TO_NS;
  };
  return { name: 'JVMCPU', metrics: { jvmCpuTime: gauge(cpuTime) } };
}
