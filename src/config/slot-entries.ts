// Iskra's own knobs: what has no counterpart in Spark.
import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { notNegative, types } from './value-types.ts';

export const SLOT_KILL_GRACE: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.slot.killGrace',
  type: types.durationMs,
  default: 10_000,
  check: notNegative,
  doc: 'How long a task that was killed may go on; then its slot is ended under it and replaced.',
  since: '0.1',
});

export const PARANOID: ConfigEntry<boolean> = defineEntry({
  key: 'spark.iskra.paranoid',
  type: types.boolean,
  default: false,
  doc: 'Whether the invariants of the schedulers are checked after every event. For tests and bug hunts; slow.',
  since: '0.1',
});
