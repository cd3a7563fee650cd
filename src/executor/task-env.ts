import type { ExecutorId } from '../protocol/ids.ts';
import type { MapOutputs } from '../protocol/map-output.ts';
import type { RecordEncoder } from '../serializer/serializer.ts';
import type { ShuffleEnv } from '../shuffle/shuffle-env.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import type { ExecutorLink } from './executor-link.ts';
import type { RunningTask } from './running-task.ts';

/** What the nodes and sinks of one task use of their slot. */
export interface TaskEnv {
  readonly task: RunningTask;
  readonly executorId: ExecutorId;
  readonly link: ExecutorLink;
  readonly localDirs: LocalDirs;
  /** Uncompressed, for results and cached blocks; they stay on this host. */
  readonly encoder: RecordEncoder;
  readonly shuffle: ShuffleEnv;
  readonly malformedText: 'replace' | 'error';
  mapOutputs(shuffleId: number): MapOutputs;
  /** Warns at most once in this executor of what `about` names. */
  warnOnce(component: string, about: string, message: string): void;
}
