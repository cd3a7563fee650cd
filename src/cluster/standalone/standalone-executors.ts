import { assertNever } from '../../base/assert-never.ts';
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { ExecutorDemand } from '../../protocol/deploy-description.ts';
import { FINISHED_EXECUTOR_STATES } from '../../protocol/deploy-states.ts';
import type { ExecutorId } from '../../protocol/ids.ts';
import type { RpcAddress } from '../../rpc/rpc-address.ts';
import { executorExited, executorProcessLost } from '../../scheduler/executor-loss.ts';
import type { ExecutorLoss } from '../../scheduler/ports.ts';
import type { ExecutorProvider, ProviderListener } from '../coarse-grained/executor-provider.ts';
import type { AppClientNews } from './app-client-events.ts';
import { AppClientLoop, type AppClientLoopOptions } from './app-client-loop.ts';

export interface StandaloneExecutorsOptions extends Omit<AppClientLoopOptions, 'hear'> {
  /** What an executor of a resource profile other than 0 is given. */
  readonly demandOf: (resourceProfileId: number) => ExecutorDemand;
  /** Where logs of an executor can be looked at, by name. */
  readonly logUrls: (appId: string, executor: GrantedExecutor) => Readonly<Record<string, string>>;
}

/** Who runs it, and where that one's pages are; '' when it has none. */
export type GrantedExecutor = Pick<
  Extract<AppClientNews, { type: 'ExecutorAdded' }>,
  'execId' | 'workerId' | 'workerWebUiUrl'
>;

type Updated = Extract<AppClientNews, { type: 'ExecutorUpdated' }>;

/** Exit codes of executors that are not their tasks' doing: no directory, no answer from the driver. Spark: ExecutorExitCode */
const NOT_CAUSED_BY_APP: ReadonlySet<number> = new Set([53, 56]);

/** Executors that a standalone master grants, and its workers run. Spark: StandaloneSchedulerBackend */
export class StandaloneExecutors implements ExecutorProvider {
  readonly #options: StandaloneExecutorsOptions;
  readonly #client: AppClientLoop;
  readonly #log: Logger;
  /** Granted and not known to have ended → cores. */
  readonly #granted = new Map<ExecutorId, number>();
  /** By resource profile: what was accepted last. */
  readonly #totals = new Map<number, number>();
  readonly #logUrls = new Map<ExecutorId, Readonly<Record<string, string>>>();
  #listener: ProviderListener | null = null;
  #registered: { readonly resolve: (appId: string) => void; readonly reject: (error: Error) => void } | null = null;
  #appId = '';
  #dead: string | null = null;
  #stopped = false;

  constructor(options: StandaloneExecutorsOptions) {
    this.#options = options;
    this.#log = options.log.named('StandaloneSchedulerBackend');
    const limit = options.app.initialExecutorLimit;
    if (limit !== null) this.#totals.set(0, limit);
    this.#client = new AppClientLoop({ ...options, hear: (news) => this.#hear(news) });
  }

  /**
   * Registers the application.
   *
   * @returns the id that the master gives it.
   * @throws IskraError `APPLICATION_KILLED` when no master takes it.
   */
  register(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#registered = { resolve, reject };
      this.#client.start();
    });
  }

  logUrlsOf(executorId: ExecutorId): Readonly<Record<string, string>> | undefined {
    return this.#logUrls.get(executorId);
  }

  get expectedCores(): number {
    let cores = 0;
    for (const granted of this.#granted.values()) cores += granted;
    return cores;
  }

  /** What the master has told until now is in the books; from here on `listener` hears it. */
  start(_driver: RpcAddress, listener: ProviderListener): void {
    this.#listener = listener;
    if (this.#dead !== null) listener.failed(this.#dead);
  }

  totalOf(resourceProfileId: number): number {
    return this.#totals.get(resourceProfileId) ?? (resourceProfileId === 0 ? this.#granted.size : 0);
  }

  async requestTotals(totals: ReadonlyMap<number, number>): Promise<boolean> {
    const asked = Array.from(totals, ([resourceProfileId, total]) => ({
      resourceProfileId,
      total,
      // A master that leads later knows what the application itself is, and nothing of its other profiles.
      demand: resourceProfileId === 0 ? null : this.#options.demandOf(resourceProfileId),
    }));
    const accepted = await this.#client.requestTotalExecutors(asked);
    if (accepted) for (const [id, total] of totals) this.#totals.set(id, total);
    return accepted;
  }

  async killExecutors(executorIds: readonly ExecutorId[]): Promise<boolean> {
    const accepted = await this.#client.killExecutors(executorIds);
    // The master says nothing of those it was told to end.
    if (accepted) for (const executorId of executorIds) this.#granted.delete(executorId);
    return accepted;
  }

  kill(executorId: ExecutorId): void {
    // Its worker ends the process, and the master grants another one.
    void this.killExecutors([executorId]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#listener = null;
    this.#client.stop();
  }

  #hear(news: AppClientNews): void {
    switch (news.type) {
      case 'Connected':
        this.#appId = news.appId;
        this.#registered?.resolve(news.appId);
        return;
      case 'Disconnected':
        if (!this.#stopped) this.#log.warn('Disconnected from Spark cluster! Waiting for reconnection...');
        return;
      case 'Dead':
        this.#dead = news.reason;
        this.#registered?.reject(
          new IskraError('APPLICATION_KILLED', `Application has been killed. Reason: ${news.reason}`),
        );
        this.#listener?.failed(news.reason);
        return;
      case 'ExecutorAdded': {
        const { execId, hostPort, cores, memory } = news;
        this.#granted.set(String(execId), cores);
        this.#logUrls.set(String(execId), this.#options.logUrls(this.#appId, news));
        this.#log.info(
          `Granted executor ID ${execId} on hostPort ${hostPort} with ${cores} core(s), ${memory} MiB RAM`,
        );
        return;
      }
      case 'ExecutorUpdated':
        this.#executorUpdated(news);
        return;
      case 'WorkerRemoved':
        this.#log.info(`Worker ${news.workerId} removed: ${news.message}`);
        this.#listener?.workerRemoved(news.workerId, news.host, news.message);
        return;
      default:
        assertNever(news);
    }
  }

  #executorUpdated(news: Updated): void {
    const executorId = String(news.execId);
    if (FINISHED_EXECUTOR_STATES.has(news.state)) {
      this.#granted.delete(executorId);
      this.#log.info(`Executor ${executorId} removed: ${news.message}`);
      this.#listener?.exited(executorId, lossOf(news));
    } else if (news.state === 'DECOMMISSIONED') {
      this.#log.info(`Asked to decommission executor ${executorId}`);
      this.#granted.delete(executorId); // the master grants another one
      this.#listener?.draining(executorId, news.message, news.workerHost);
    }
  }
}

/** Spark: StandaloneSchedulerBackend.executorRemoved */
function lossOf({ state, message, exitStatus, workerHost }: Updated): ExecutorLoss {
  if (exitStatus === null) return executorProcessLost(message, workerHost !== null, workerHost === null);
  // A worker that ends takes its executors along: no task is to blame.
  return executorExited(exitStatus, state !== 'KILLED' && !NOT_CAUSED_BY_APP.has(exitStatus), message);
}
