// Iskra's own knobs: what has no counterpart in Spark.
import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { positive, types } from './value-types.ts';

export const SLOT_HEARTBEAT_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.slot.heartbeatTimeout',
  type: types.durationMs,
  default: 120_000,
  check: positive,
  doc: 'A slot whose task was told to stop and that shows no life for this long is replaced, and its task counts as failed.',
  since: '0.1',
});

export const BATCH_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.batchSize',
  type: types.int,
  default: 2048,
  check: positive,
  doc: 'How many records the fused program of a stage handles at a time.',
  since: '0.1',
});

export const PARANOID: ConfigEntry<boolean> = defineEntry({
  key: 'spark.iskra.paranoid',
  type: types.boolean,
  default: false,
  doc: 'Whether the invariants of the schedulers are checked after every event. For tests and bug hunts; slow.',
  since: '0.1',
});
