import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { oneOf, positive, types } from './value-types.ts';

export const SHUFFLE_COMPRESS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.compress',
  type: types.boolean,
  default: true,
  doc: 'Whether map outputs are compressed, with `spark.io.compression.codec`.',
  since: '0.1',
});

export const SHUFFLE_SPILL_COMPRESS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.spill.compress',
  type: types.boolean,
  default: true,
  doc: 'Whether data that is spilled during a shuffle is compressed, with `spark.io.compression.codec`.',
  since: '0.1',
});

export const SHUFFLE_FILE_BUFFER: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.file.buffer',
  type: types.kib,
  default: 32 * 1024,
  check: positive,
  doc: 'The buffer in memory for each shuffle file that is being written.',
  since: '0.1',
});

export const IO_COMPRESSION_CODEC: ConfigEntry<'lz4' | 'none'> = defineEntry({
  key: 'spark.io.compression.codec',
  type: oneOf('lz4', 'none'),
  default: 'lz4',
  doc: 'How shuffle blocks, spills, broadcasts and cached blocks are compressed.',
  since: '0.1',
});
