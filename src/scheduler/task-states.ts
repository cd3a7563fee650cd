import type { TaskSet } from './task-set.ts';

/**
 * What has become of each task of a set: whether it has succeeded, how many copies of it run, how often it was begun. By task
 * index, in flat arrays: a set may have a million tasks.
 *
 * Part of TaskSetManager, whose invariants 1 to 3 speak of it.
 */
export class TaskStates {
  readonly #successful: Uint8Array;
  readonly #copies: Uint8Array;
  readonly #attempts: Uint32Array;
  readonly #outputs: readonly number[];
  #indexOfOutput: Map<number, number> | null = null;
  #numSuccessful = 0;

  constructor(taskSet: TaskSet) {
    const numTasks = taskSet.partitions.length;
    this.#outputs = taskSet.outputs;
    this.#successful = new Uint8Array(numTasks);
    this.#copies = new Uint8Array(numTasks);
    this.#attempts = new Uint32Array(numTasks);
  }

  get numTasks(): number {
    return this.#successful.length;
  }

  get numSuccessful(): number {
    return this.#numSuccessful;
  }

  get allSuccessful(): boolean {
    return this.#numSuccessful === this.#successful.length;
  }

  isSuccessful(index: number): boolean {
    return this.#successful[index] === 1;
  }

  /** How many copies of it run. */
  copies(index: number): number {
    return this.#copies[index] as number; // index < numTasks, here and below
  }

  /** Number of the attempt that began last. */
  lastAttempt(index: number): number {
    return (this.#attempts[index] as number) - 1;
  }

  /** A copy begins. @returns the number of its attempt. */
  begin(index: number): number {
    this.#copies[index] = (this.#copies[index] as number) + 1;
    const attemptNumber = this.#attempts[index] as number;
    this.#attempts[index] = attemptNumber + 1;
    return attemptNumber;
  }

  /** A copy does not run any more. */
  stopped(index: number): void {
    this.#copies[index] = (this.#copies[index] as number) - 1;
  }

  /** The copy that began last does not begin after all. */
  takeBackAttempt(index: number): void {
    this.#attempts[index] = (this.#attempts[index] as number) - 1;
  }

  /** Only for a task that has not succeeded. */
  markSuccessful(index: number): void {
    this.#successful[index] = 1;
    this.#numSuccessful++;
  }

  /** What the task made is lost. */
  unmarkSuccessful(index: number): void {
    this.#successful[index] = 0;
    this.#numSuccessful--;
  }

  /** The task that completes this output of its stage; undefined: none of this set. */
  indexOfOutput(output: number): number | undefined {
    this.#indexOfOutput ??= new Map(this.#outputs.map((o, index) => [o, index]));
    return this.#indexOfOutput.get(output);
  }
}
