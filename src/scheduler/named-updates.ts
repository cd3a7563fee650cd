import type { AccumulableInfo } from '../protocol/spark-listener-event.ts';
import type { AccumulatorUpdate } from '../protocol/task.ts';

/** What listeners are to hear of accumulators; the values are told by who keeps these (driver/accumulables.ts). */
export function namedUpdates(updates: readonly AccumulatorUpdate[]): readonly AccumulableInfo[] {
  return updates.flatMap((update) =>
    update.name === null ? [] : [{ id: update.id, name: update.name, update, value: undefined }],
  );
}
