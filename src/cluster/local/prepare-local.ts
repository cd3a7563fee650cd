import { parseMasterUrl } from '../../config/master-url.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { prepareSlotThread } from '../../executor/slot-thread.ts';
import { planLocalMemory } from './local-memory.ts';

/**
 * Gets ready for the context that an application is about to create, if it will be a local one. Never fails.
 *
 * @param url the master it is likely to have.
 */
export function prepareLocal(conf: SparkConf, url: string | undefined, slotEntry: URL): void {
  if (url === undefined) return;
  const master = parseMasterUrl(url);
  if (master.kind === 'local') prepareSlotThread(slotEntry, planLocalMemory(conf, master.numSlots).slotHeapBytes);
}
