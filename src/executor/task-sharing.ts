import type { TaskDescription } from '../protocol/task.ts';
import type { SlotHandle } from './slot-handle.ts';

/**
 * The slot that gets a task ahead: the one with the fewest.
 *
 * @param mayBegin of slots without a task: whether it has started and is about to be given one.
 */
export function slotWithFewestTasks(
  slots: Iterable<SlotHandle>,
  mayBegin: (slot: SlotHandle) => boolean,
): SlotHandle | null {
  let best: SlotHandle | null = null;
  for (const slot of slots) {
    const { size, hasRoom } = slot.tasks;
    if (size === 0 ? !mayBegin(slot) : !hasRoom) continue;
    if (best === null || size < best.tasks.size) best = slot;
  }
  return best;
}

/** Half of what the slot with most tasks has not begun; of another one when that has begun all by now. */
export function takeFromBusiest(slots: Iterable<SlotHandle>): readonly TaskDescription[] {
  const busy = [...slots].filter(({ tasks }) => tasks.size > 1);
  busy.sort((a, b) => b.tasks.size - a.tasks.size);
  for (const { tasks } of busy) {
    const taken = tasks.takeBackLast(tasks.size >> 1);
    if (taken.length > 0) return taken;
  }
  return [];
}
