import { FINISHED_EXECUTOR_STATES } from '../../protocol/deploy-states.ts';
import type { MasterToApp } from '../../protocol/master-client.ts';

type Added = Extract<MasterToApp, { type: 'ExecutorAdded' }>;
type Updated = Extract<MasterToApp, { type: 'ExecutorUpdated' }>;

/** As soon as so many have ended early, none having run in between, somebody should look. */
const WORTH_A_WARNING = 2;

/** Remembers how executors ended that never got to work, so that whoever has none learns why. */
export class ExecutorFailures {
  readonly #granted = new Map<number, Added>();
  #inARow = 0;
  #last: string | null = null;

  added(executor: Omit<Added, 'type'>): void {
    this.#granted.set(executor.execId, { type: 'ExecutorAdded', ...executor });
  }

  /** @returns a warning, once while they fail in a row; else null. */
  updated(appId: string, { execId, state, message, exitStatus }: Updated): string | null {
    if (state === 'RUNNING') this.#inARow = 0;
    if (!FINISHED_EXECUTOR_STATES.has(state)) return null;
    const executor = this.#granted.get(execId);
    this.#granted.delete(execId);
    // LOST is its worker's doing; KILLED somebody's wish.
    if ((state !== 'EXITED' && state !== 'FAILED') || exitStatus === 0) return null;
    this.#inARow++;
    const where = executor === undefined ? '' : ` on ${executor.hostPort}`;
    const log = executor === undefined ? '' : `; what it wrote: ${logOf(appId, executor)}`;
    this.#last = `executor ${execId}${where}: ${message ?? state}${log}`;
    if (this.#inARow !== WORTH_A_WARNING) return null;
    return `Executors end before they can work, ${this.#inARow} in a row; the last: ${this.#last}`;
  }

  /** The last one, when executors fail in a row. */
  get why(): string | null {
    return this.#inARow === 0 ? null : this.#last;
  }
}

function logOf(appId: string, { execId, workerWebUiUrl }: Added): string {
  if (workerWebUiUrl === '') return `work/${appId}/${execId}/stderr there`;
  return `${workerWebUiUrl}/logPage/?appId=${appId}&executorId=${execId}&logType=stderr`;
}
