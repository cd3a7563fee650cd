import { EXECUTOR_MEMORY } from '../../config/memory-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { planMemory } from '../../executor/memory-plan.ts';

/** What cached blocks may take in memory, bytes an executor; its cores do not change it. */
export function storageBytesPerExecutor(conf: SparkConf): number {
  return planMemory(conf, conf.get(EXECUTOR_MEMORY), 1).maxBytes;
}
