import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { IllegalArgumentError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { CHECKPOINT_COMPRESS } from '../config/context-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { checkpointPath, makeCheckpointDir } from '../io/checkpoint-files.ts';
import type { RddId } from '../protocol/ids.ts';
import type { CheckpointHost } from '../rdd/job-runner.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';

const UNSAFE_LOCALLY =
  'Local checkpointing is NOT safe to use with dynamic allocation, which removes executors along with their cached ' +
  'blocks. If you must use both features, you are advised to set `spark.dynamicAllocation.cachedExecutorIdleTimeout` ' +
  'to a high value. E.g. If you plan to use the RDD for 1 hour, set the timeout to at least 1 hour.';

export interface CheckpointsOptions {
  readonly conf: SparkConf;
  /** Whether executors see this machine's disk for certain. */
  readonly isLocal: boolean;
  readonly log: Logger;
  isStored(rddId: RddId, partition: number): boolean;
  written(node: RDDNode, dir: string): void;
}

/** Where an application's checkpoints go, and what RDDs need to know for them. */
export class Checkpoints implements CheckpointHost {
  readonly #options: CheckpointsOptions;
  readonly #log: Logger;
  readonly compress: boolean;
  dir: string | null = null;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#log = options.log.named('Checkpoint');
    this.compress = options.conf.get(CHECKPOINT_COMPRESS);
  }

  /**
   * Makes a directory with a name of its own below `root`; null: there is none any more.
   *
   * @throws IskraError CHECKPOINT_DIR_UNUSABLE naming the directory and the reason. Spark: SparkContext.setCheckpointDir
   */
  setDir(root: string | null): void {
    if (root === null) {
      this.dir = null;
      return;
    }
    if (typeof root !== 'string')
      throw new IllegalArgumentError(`setCheckpointDir() needs the path of a directory, but was given ${root}`);
    const dir = join(checkpointPath(root, 'write'), randomUUID());
    if (!this.#options.isLocal)
      this.#log.warn(
        `Spark is not running in local mode, therefore the checkpoint directory must not be on the local filesystem. Directory '${root}' appears to be on the local filesystem.`,
      );
    makeCheckpointDir(dir);
    this.dir = dir;
  }

  /** Asked late: settings may come to matter that no entry declares in this build. */
  get unsafeLocally(): string | null {
    const { conf } = this.#options;
    const set = (key: string): boolean => conf.getText(key) !== undefined;
    const dynamic = conf.getText('spark.dynamicAllocation.enabled') === 'true';
    return dynamic && set('spark.dynamicAllocation.cachedExecutorIdleTimeout') ? UNSAFE_LOCALLY : null;
  }

  isStored(rddId: RddId, partition: number): boolean {
    return this.#options.isStored(rddId, partition);
  }

  written(node: RDDNode, dir: string): void {
    this.#log.info(`Done checkpointing RDD ${node.id} to ${dir}`);
    this.#options.written(node, dir);
  }

  warn(message: string): void {
    this.#log.warn(message);
  }
}
