import type { EpochMs } from '../../base/clock.ts';
import type { ExecutorReport } from '../../protocol/deploy-description.ts';
import type { ExecutorState } from '../../protocol/deploy-states.ts';
import { type MasterToWorker, WORKER_ENDPOINT } from '../../protocol/master-worker.ts';
import type { WorkerExecutor } from '../../protocol/worker-process.ts';
import { endpointUrl } from '../../rpc/rpc-address.ts';
import { Ending } from './ending.ts';
import { type ProcessPlan, planProcess } from './process-plan.ts';
import { resourcesFileOf } from './resources-file.ts';
import type { ProcessEffect, ProcessKey } from './worker-events.ts';
import type { WorkerSettings } from './worker-settings.ts';

export type LaunchExecutor = Extract<MasterToWorker, { type: 'LaunchExecutor' }>;

/** Spark: ExecutorRunner.EXECUTOR_TERMINATE_TIMEOUT_MS */
export const EXECUTOR_TERMINATE_TIMEOUT_MS = 10_000;
/**
 * A process that has lived so long counts as RUNNING. One that ends at once was never: RUNNING would set the application's count
 * of failed launches back, and a broken command would be launched for ever.
 */
export const EXECUTOR_UP_MS = 1000;

/** News of an executor. */
export interface ExecutorChange {
  readonly type: 'Changed';
  readonly state: ExecutorState;
  readonly message: string | null;
  readonly exitStatus: number | null;
}

type Phase = 'preparing' | 'starting' | 'up' | 'over';
type Out = (ProcessEffect | ExecutorChange)[];

/**
 * One executor of a worker.
 *
 *   LAUNCHING: preparing ─► starting ─► up ──1 s──► RUNNING        each ─► KILLED, when it was killed
 *                  └─► FAILED  └─► FAILED  └─────────────┴──► EXITED, by itself
 *
 * It tells of one state in which it is over, exactly once. Spark: ExecutorRunner
 */
export class ExecutorRunner {
  readonly launch: LaunchExecutor;
  readonly key: ProcessKey;
  /** Where it runs. */
  readonly directory: string;
  state: ExecutorState = 'LAUNCHING';
  readonly #settings: WorkerSettings;
  readonly #pagesUrl: string;
  readonly #ending: Ending;
  #phase: Phase = 'preparing';
  #killed = false;
  #endsWithWorker = false;

  /** @param pagesUrl where the worker's pages are shown. */
  constructor(launch: LaunchExecutor, settings: WorkerSettings, pagesUrl: string) {
    this.launch = launch;
    this.key = `${launch.appId}/${launch.execId}`;
    this.directory = `${settings.workDir}/${this.key}`;
    this.#settings = settings;
    this.#pagesUrl = pagesUrl;
    this.#ending = new Ending(this.key, EXECUTOR_TERMINATE_TIMEOUT_MS);
  }

  prepared(appDirs: readonly string[]): Out {
    if (this.#phase !== 'preparing') return [];
    if (this.#killed) return this.#over('KILLED', null, null);
    let plan: ProcessPlan;
    try {
      plan = executorPlan(this.launch, this.directory, appDirs, this.#settings, this.#pagesUrl);
    } catch (error) {
      return this.#over('FAILED', error instanceof Error ? error.message : String(error), null);
    }
    this.#phase = 'starting';
    return [{ type: 'StartProcess', key: this.key, plan }];
  }

  /** It could not be prepared, or spawned. */
  failed(message: string): Out {
    return this.#over(this.#killed ? 'KILLED' : 'FAILED', message, null);
  }

  started(at: EpochMs): Out {
    if (this.#phase !== 'starting') return [];
    this.#phase = 'up';
    if (this.#killed) return this.#ending.begin(at);
    return [{ type: 'SetTimer', timer: `up ${this.key}`, at: at + EXECUTOR_UP_MS }];
  }

  isUp(): Out {
    if (this.#phase !== 'up' || this.#killed || this.state !== 'LAUNCHING') return [];
    this.state = 'RUNNING';
    return [{ type: 'Changed', state: 'RUNNING', message: null, exitStatus: null }];
  }

  exited(exitCode: number): Out {
    const message = `Command exited with code ${exitCode}`;
    return this.#over(this.#killed ? 'KILLED' : 'EXITED', message, exitCode);
  }

  kill(at: EpochMs): Out {
    this.#killed = true;
    return this.#phase === 'up' ? this.#ending.begin(at) : [];
  }

  /** Its worker stops. */
  stop(at: EpochMs): Out {
    this.#endsWithWorker = !this.#killed;
    return this.kill(at);
  }

  /** Only the stop of its worker has ended it, which is no fault of its application: a master that loses the worker sees it so. */
  get leftToMaster(): boolean {
    return this.#endsWithWorker;
  }

  /** It was told to end and has not. */
  killTimeIsUp(at: EpochMs): Out {
    if (this.#phase !== 'up') return [];
    const message = `Failed to terminate process of executor ${this.key}. This process will likely be orphaned.`;
    return this.#ending.timeIsUp(at) ?? this.#over('KILLED', message, null);
  }

  report(): ExecutorReport {
    const { appId, execId, resourceProfileId, cores, memory, resources } = this.launch;
    return { appId, execId, resourceProfileId, cores, memory, state: this.state, resources };
  }

  summary(): WorkerExecutor {
    const { appId, execId, app, cores, memory, resources } = this.launch;
    return { appId, execId, app, cores, memory, resources, state: this.state };
  }

  #over(state: ExecutorState, message: string | null, exitStatus: number | null): Out {
    if (this.#phase === 'over') return [];
    this.#phase = 'over';
    this.state = state;
    return [
      { type: 'CancelTimer', timer: `up ${this.key}` },
      { type: 'CancelTimer', timer: `kill ${this.key}` },
      { type: 'Changed', state, message, exitStatus },
    ];
  }
}

/** What is run for an executor. @throws IskraError when there is no such program. Spark: ExecutorRunner.fetchAndRunExecutor */
export function executorPlan(
  launch: LaunchExecutor,
  directory: string,
  appDirs: readonly string[],
  settings: WorkerSettings,
  pagesUrl: string,
): ProcessPlan {
  const { appId, execId, app, cores, resourceProfileId, resources } = launch;
  const resourcesFile =
    Object.keys(resources).length === 0 ? [] : ['--resourcesFile', resourcesFileOf(directory, 'executor')];
  const logUrl = `${pagesUrl}/logPage/?appId=${appId}&executorId=${execId}&logType=`;
  const plan = planProcess(
    { ...app.command, arguments: [...app.command.arguments, ...resourcesFile] },
    {
      WORKER_URL: endpointUrl(WORKER_ENDPOINT, settings),
      EXECUTOR_ID: String(execId),
      HOSTNAME: settings.host,
      CORES: String(cores),
      APP_ID: appId,
      RESOURCE_PROFILE_ID: String(resourceProfileId),
    },
    {
      SPARK_EXECUTOR_DIRS: appDirs.join(':'),
      SPARK_LOG_URL_STDERR: `${logUrl}stderr`,
      SPARK_LOG_URL_STDOUT: `${logUrl}stdout`,
    },
    directory,
    'Spark Executor Command',
    settings,
  );
  const salt = app.secretSalt;
  return { ...plan, secret: salt === undefined ? { kind: 'command' } : { kind: 'application', salt } };
}
