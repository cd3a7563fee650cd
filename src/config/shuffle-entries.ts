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
  doc: 'Whether spilled data is compressed. Accepted; spills are compressed as `spark.shuffle.compress` says.',
  since: '0.1',
});

export const SHUFFLE_FILE_BUFFER: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.file.buffer',
  type: types.kib,
  default: 32 * 1024,
  check: positive,
  doc: 'The buffer in memory for each shuffle file that is being written. Accepted; blocks are written as they are made, some 100 KB at a time.',
  since: '0.1',
});

export const SHUFFLE_MIN_PARTITIONS_TO_HIGHLY_COMPRESS: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.minNumPartitionsToHighlyCompress',
  type: types.int,
  default: 2000,
  check: positive,
  doc: 'Of map outputs with more reduce partitions than this the driver keeps the average size of a partition, not the size of each.',
  since: '0.2',
});

export const SHUFFLE_ACCURATE_BLOCK_THRESHOLD: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.accurateBlockThreshold',
  type: types.bytes,
  default: 100 * 1024 * 1024,
  check: positive,
  doc: 'Partitions of a map output from this size on are not averaged: what reads them knows how much it has to fetch.',
  since: '0.2',
});

export const SHUFFLE_ACCURATE_BLOCK_SKEWED_FACTOR: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.accurateBlockSkewedFactor',
  type: types.double,
  default: -1,
  doc: 'Above 0: partitions this many times as large as the median of their map output are not averaged either. 0 or less: off.',
  since: '0.2',
});

export const SHUFFLE_MAX_ACCURATE_SKEWED_BLOCK_NUMBER: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.maxAccurateSkewedBlockNumber',
  type: types.int,
  default: 100,
  check: positive,
  doc: 'So many partitions of a map output at most are not averaged because they are larger than its median.',
  since: '0.2',
});

export const IO_COMPRESSION_CODEC: ConfigEntry<'lz4' | 'none'> = defineEntry({
  key: 'spark.io.compression.codec',
  type: oneOf('lz4', 'none'),
  default: 'lz4',
  doc: 'How shuffle blocks and spills are compressed.',
  since: '0.1',
});

export const IO_ENCRYPTION_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.io.encryption.enabled',
  type: types.boolean,
  default: false,
  // Whoever wants it must not believe that he has it.
  check: (wanted) =>
    wanted
      ? 'must be false: shuffle files, spills and cached blocks are written as they are. Let spark.local.dir name an encrypted disk (dm-crypt, say) instead'
      : undefined,
  doc: 'Only `false`: files in `spark.local.dir` are written as they are, readable by their user alone. An application that asks for `true` does not start.',
  since: '0.2',
});
