import { rm } from 'node:fs/promises';
import type { Logger } from '../base/logger.ts';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import { mapOutputNames } from '../shuffle/map-output-files.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';

/**
 * Which tasks of this executor wrote for which shuffle, so that a shuffle's files can be removed without searching for
 * them: those of attempts that nobody knows of any more, too.
 *
 * Spark: ShuffleManager.unregisterShuffle, IndexShuffleBlockResolver.removeDataByMap
 */
export class ShuffleFiles {
  readonly #dirs: LocalDirs;
  readonly #log: Logger;
  readonly #tasks = new Map<ShuffleId, TaskId[]>();
  readonly #running = new Map<TaskId, ShuffleId>();

  constructor(dirs: LocalDirs, log: Logger) {
    this.#dirs = dirs;
    this.#log = log;
  }

  launched(shuffleId: ShuffleId, taskId: TaskId): void {
    this.#running.set(taskId, shuffleId);
    this.adopted(shuffleId, taskId);
  }

  /** What a task wrote elsewhere lies here now. */
  adopted(shuffleId: ShuffleId, taskId: TaskId): void {
    const tasks = this.#tasks.get(shuffleId);
    if (tasks === undefined) this.#tasks.set(shuffleId, [taskId]);
    else tasks.push(taskId);
  }

  /** However it ended. What it wrote for a shuffle that was removed meanwhile goes too. */
  async ended(taskId: TaskId): Promise<void> {
    const shuffleId = this.#running.get(taskId);
    if (shuffleId === undefined) return;
    this.#running.delete(taskId);
    if (!this.#tasks.has(shuffleId)) await this.#remove(shuffleId, taskId);
  }

  /** Resolves when the files are gone, but for those of tasks that run still. What cannot be removed is warned of. */
  async remove(shuffleId: ShuffleId): Promise<void> {
    const tasks = this.#tasks.get(shuffleId) ?? [];
    this.#tasks.delete(shuffleId);
    for (const taskId of tasks) if (!this.#running.has(taskId)) await this.#remove(shuffleId, taskId);
  }

  async #remove(shuffleId: ShuffleId, taskId: TaskId): Promise<void> {
    const { data, index } = mapOutputNames(shuffleId, taskId);
    for (const name of [index, data]) {
      try {
        await rm(this.#dirs.find(name), { force: true });
      } catch (error) {
        this.#log.warn(`${name} of a shuffle that nobody needs cannot be removed: ${(error as Error).message}`);
      }
    }
  }
}
