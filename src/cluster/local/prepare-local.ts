import { MASTER } from '../../config/core-entries.ts';
import { parseMasterUrl } from '../../config/master-url.ts';
import { DRIVER_MEMORY } from '../../config/memory-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { planMemory } from '../../executor/memory-plan.ts';
import { prepareSlotThread } from '../../executor/slot-thread.ts';


/** Gets ready for the context that an application is about to create, if it will be a local one. Never fails. */
export function prepareLocal(conf: SparkConf, slotEntry: URL): void {
  const url = conf.get(MASTER);
  if (url === undefined) return;
  const master = parseMasterUrl(url);
  if (master.kind === 'local') prepareSlotThread(slotEntry, planMemory(conf, conf.get(DRIVER_MEMORY), master.numSlots).slotHeapMiB);
}
