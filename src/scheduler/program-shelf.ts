import type { ExecutorId, StageId } from '../protocol/ids.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { Launch, MapOutputRegistry, StagePrograms } from './ports.ts';
import { type StageWork, type TaskSet, taskSetName } from './task-set.ts';

/**
 * The programs of the stages that active jobs need, and which executor was sent which.
 *
 * A stage's program is made once, so every attempt captures the same values; each attempt has it under its own key.
 */
export class ProgramShelf {
  readonly #maker: StagePrograms;
  readonly #mapOutputs: Pick<MapOutputRegistry, 'epoch'>;
  /** Null: it could not be made, and whoever asked knows. */
  readonly #byStage = new Map<StageId, StageProgram | null>();
  readonly #byTaskSet = new Map<string, { readonly program: StageProgram; readonly sentTo: Set<ExecutorId> }>();

  constructor(maker: StagePrograms, mapOutputs: Pick<MapOutputRegistry, 'epoch'>) {
    this.#maker = maker;
    this.#mapOutputs = mapOutputs;
  }

  get size(): number {
    return this.#byStage.size + this.#byTaskSet.size;
  }

  /** Makes the stage's program unless it is there. @throws what makeProgram throws, the first time only. */
  prepare(stageId: StageId, work: StageWork): void {
    if (this.#byStage.has(stageId)) return;
    this.#byStage.set(stageId, null);
    this.#byStage.set(stageId, this.#maker.makeProgram(work, taskSetName({ stageId, attempt: 0 })));
  }

  /** Readies the program for an attempt. False when the stage has none, since it could not be made. */
  open(taskSet: TaskSet): boolean {
    this.prepare(taskSet.stageId, taskSet.work);
    const program = this.#byStage.get(taskSet.stageId);
    if (!program) return false;
    const key = taskSetName(taskSet);
    this.#byTaskSet.set(key, {
      program: { ...program, key, mapOutputEpoch: this.#mapOutputs.epoch, ...this.#files() },
      sentTo: new Set(),
    });
    return true;
  }

  #files(): Pick<StageProgram, 'files'> {
    const files = this.#maker.addedFiles?.() ?? [];
    return files.length === 0 ? {} : { files };
  }

  /** The program, if this executor has not been sent it; notes that it is now. */
  forExecutor(key: string, executorId: ExecutorId): Launch['program'] {
    const entry = this.#byTaskSet.get(key);
    if (entry === undefined || entry.sentTo.has(executorId)) return null;
    entry.sentTo.add(executorId);
    return entry.program;
  }

  /** The attempt is over; returns the executors that may forget its program. */
  close(key: string): Iterable<ExecutorId> {
    const entry = this.#byTaskSet.get(key);
    this.#byTaskSet.delete(key);
    return entry?.sentTo ?? [];
  }

  forgetStage(stageId: StageId): void {
    this.#byStage.delete(stageId);
  }

  executorLost(executorId: ExecutorId): void {
    for (const { sentTo } of this.#byTaskSet.values()) sentTo.delete(executorId);
  }

  clear(): void {
    this.#byStage.clear();
    this.#byTaskSet.clear();
  }
}
