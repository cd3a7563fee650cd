import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';
import type { RecordEncoder } from '../serializer/serializer.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import type { BlockSource } from './block-source.ts';
import type { FileOps } from './file-ops.ts';
import type { SameHostBlockSource } from './same-host-blocks.ts';
import type { TaskMemory } from './task-memory.ts';

/** What the shuffle of one task attempt works with. */
export interface ShuffleEnv {
  /** Names the stage's code; keeps generated loops of different code apart, and lets equal code share them. */
  readonly programKey: string;
  readonly localDirs: LocalDirs;
  /** The slot's own; each block it gives is copied at once. */
  readonly encoder: RecordEncoder;
  readonly memory: TaskMemory;
  readonly metrics: TaskMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Blocks that lie with other executors. Null: there are none. */
  readonly remoteBlocks: BlockSource | null;
  /** Blocks of others that can be read from disk. Null: there are none. */
  readonly sameHostBlocks: SameHostBlockSource | null;
  readonly files: FileOps;
  /** Asked at each block that is read: combining and sorting take all of a partition before they give a record. */
  readonly throwIfKilled: () => void;
}
