import { DRIVER_MEMORY } from '../../config/memory-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { type MemoryPlan, planMemory } from '../../executor/memory-plan.ts';

/** The driver's memory, shared out among the slots that run in its process. */
export function planLocalMemory(conf: SparkConf, slots: number): MemoryPlan {
  return planMemory(conf, conf.get(DRIVER_MEMORY), slots);
}
