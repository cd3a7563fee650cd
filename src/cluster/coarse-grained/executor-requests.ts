import type { Logger } from '../../base/logger.ts';
import type { ExecutorId } from '../../protocol/ids.ts';
import type { ExecutorAllocationClient, ExecutorsWanted } from '../../scheduler/ports.ts';
import type { ExecutorProvider } from './executor-provider.ts';
import type { RegisteredExecutors } from './registered-executors.ts';

/** Executors as the driver wants them: more, or fewer. Spark: CoarseGrainedSchedulerBackend, ExecutorAllocationClient */
export class ExecutorRequests implements ExecutorAllocationClient {
  readonly #executors: RegisteredExecutors;
  readonly #provider: ExecutorProvider;
  readonly #log: Logger;

  constructor(executors: RegisteredExecutors, provider: ExecutorProvider, log: Logger) {
    this.#executors = executors;
    this.#provider = provider;
    this.#log = log;
  }

  requestTotalExecutors({ total }: ExecutorsWanted): Promise<boolean> {
    return this.#provider.requestTotals(total);
  }

  async killExecutors(
    executorIds: readonly ExecutorId[],
    { adjustTarget, force }: { readonly adjustTarget: boolean; readonly force: boolean },
  ): Promise<readonly ExecutorId[]> {
    const idle = (id: ExecutorId): boolean => this.#executors.get(id)?.tasks.size === 0;
    const chosen = this.#executors.staying(executorIds).filter((id) => force || idle(id));
    if (chosen.length === 0) return [];
    for (const id of chosen) this.#executors.kill(id);
    if (adjustTarget) await this.#lowerTotals(chosen);
    const provider = this.#provider;
    if (provider.killExecutors === undefined) {
      for (const id of chosen) this.#executors.get(id)?.ref.send({ type: 'StopExecutor' });
      return chosen;
    }
    if (await provider.killExecutors(chosen)) return chosen;
    for (const id of chosen) this.#executors.spare(id);
    return [];
  }

  async decommissionExecutors(
    executorIds: readonly ExecutorId[],
    { adjustTarget, message }: { readonly adjustTarget: boolean; readonly message: string },
  ): Promise<readonly ExecutorId[]> {
    const chosen = this.#executors.staying(executorIds);
    if (adjustTarget) await this.#lowerTotals(chosen);
    for (const id of chosen) {
      this.#log.info(`Asking executor ${id} to decommission: ${message}`);
      this.#executors.get(id)?.ref.send({ type: 'DecommissionExecutor' });
    }
    return chosen;
  }

  async killExecutorsOnHost(host: string): Promise<boolean> {
    await this.killExecutors(this.#executors.onHost(host), { adjustTarget: false, force: true });
    return true;
  }

  async decommissionExecutorsOnHost(host: string): Promise<boolean> {
    const message = `host ${host} is excluded`;
    await this.decommissionExecutors(this.#executors.onHost(host), { adjustTarget: false, message });
    return true;
  }

  /** No others in their place. */
  async #lowerTotals(going: readonly ExecutorId[]): Promise<void> {
    const by = new Map<number, number>();
    for (const id of going) {
      const profile = this.#executors.get(id)?.resourceProfileId ?? 0;
      by.set(profile, (by.get(profile) ?? 0) + 1);
    }
    if (by.size === 0) return;
    const totals = Array.from(by, ([id, n]) => [id, Math.max(0, this.#provider.totalOf(id) - n)] as const);
    await this.#provider.requestTotals(new Map(totals));
  }
}
