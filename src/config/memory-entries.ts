import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { fraction, positive, types } from './value-types.ts';

export const MEMORY_FRACTION: ConfigEntry<number> = defineEntry({
  key: 'spark.memory.fraction',
  type: types.double,
  default: 0.6,
  check: (value) => (value > 0 && value < 1 ? undefined : 'must be between 0 and 1, both excluded'),
  doc: "The share of an executor's memory, less 300 MiB, for shuffles, sorts and cached partitions; the rest is for the functions' own objects.",
  since: '0.1',
});

export const MEMORY_STORAGE_FRACTION: ConfigEntry<number> = defineEntry({
  key: 'spark.memory.storageFraction',
  type: types.double,
  default: 0.5,
  check: fraction,
  doc: 'The part of `spark.memory.fraction` in which cached partitions are safe from eviction by running tasks.',
  since: '0.1',
});

const MINIMUM = 64 * 1024 ** 2;
const heapSize = (value: number): string | undefined =>
  value >= MINIMUM ? undefined : 'must be at least 64m, which a Node heap needs to start';

export const DRIVER_MEMORY: ConfigEntry<number> = defineEntry({
  key: 'spark.driver.memory',
  type: types.mib,
  default: 1024 ** 3,
  check: heapSize,
  doc: 'The memory of the driver. With local masters it bounds the objects of all slots and the cached blocks together, as `spark.executor.memory` does elsewhere; the heap of the program itself is what `node` was started with.',
  since: '0.1',
});

export const EXECUTOR_MEMORY: ConfigEntry<number> = defineEntry({
  key: 'spark.executor.memory',
  type: types.mib,
  default: 1024 ** 3,
  check: heapSize,
  doc: 'The memory of an executor: the objects of its slots and its cached blocks have no more than this together. When they come near, tasks spill, then the slot that holds most ends. Accepted; not used by local masters, whose slots are in the driver.',
  since: '0.1',
});

export const EXECUTOR_CORES: ConfigEntry<number> = defineEntry({
  key: 'spark.executor.cores',
  type: types.int,
  default: 1,
  check: positive,
  doc: 'The slots of one executor. Accepted; not used by local masters, which say their slots themselves: `local[N]`.',
  since: '0.1',
});
