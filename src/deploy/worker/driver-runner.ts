import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { DriverReport } from '../../protocol/deploy-description.ts';
import type { DriverState } from '../../protocol/deploy-states.ts';
import { type MasterToWorker, WORKER_ENDPOINT } from '../../protocol/master-worker.ts';
import { DRIVER_RESOURCES_VARIABLE, type WorkerDriver } from '../../protocol/worker-process.ts';
import { endpointUrl } from '../../rpc/rpc-address.ts';
import { Ending } from './ending.ts';
import { planProcess } from './process-plan.ts';
import { resourcesFileOf } from './resources-file.ts';
import type { ProcessEffect, ProcessKey } from './worker-events.ts';
import type { WorkerSettings } from './worker-settings.ts';

export type LaunchDriver = Extract<MasterToWorker, { type: 'LaunchDriver' }>;

/** A run that lasted longer, in ms, was a good one: the waits begin anew. Spark: successfulRunDuration */
export const GOOD_RUN_MS = 5000;

/** How a driver ended. */
export interface DriverEnd {
  readonly type: 'Ended';
  readonly state: DriverState;
  readonly exception: string | null;
}

type Phase = 'preparing' | 'starting' | 'running' | 'waiting' | 'over';
type Out = (ProcessEffect | DriverEnd)[];

/**
 * One driver of a worker.
 *
 *   preparing ─► starting ─► running ──exit 0──► FINISHED
 *       │            │ ▲         ├──exit ≠ 0──► FAILED
 *       └─► ERROR ◄──┘ │         ├──killed────► KILLED
 *                      └ waiting ◄──exit ≠ 0, supervised
 *
 * Waits are 1, 2, 4, … s, and 1 s after a run of more than 5 s. A kill ends a wait; before the start it means that there is
 * none. It tells of its end exactly once. Spark: DriverRunner
 */
export class DriverRunner {
  readonly launch: LaunchDriver;
  readonly key: ProcessKey;
  readonly directory: string;
  state: DriverState = 'RUNNING';
  exception: string | null = null;
  readonly #settings: WorkerSettings;
  readonly #log: Logger;
  readonly #ending: Ending;
  #phase: Phase = 'preparing';
  #killed = false;
  #endsWithWorker = false;
  #userJar = '';
  #startedAt: EpochMs = 0;
  #waitSeconds = 1;

  constructor(launch: LaunchDriver, settings: WorkerSettings, log: Logger) {
    this.launch = launch;
    this.key = launch.driverId;
    this.directory = `${settings.workDir}/${launch.driverId}`;
    this.#settings = settings;
    this.#log = log;
    this.#ending = new Ending(this.key, settings.driverTerminateTimeoutMs);
  }

  prepared(userJar: string): Out {
    if (this.#phase !== 'preparing') return [];
    this.#userJar = userJar;
    return this.#start();
  }

  /** It could not be prepared, or spawned: no other try, also when supervised. */
  failed(message: string): Out {
    return this.#killed ? this.#over('KILLED', null) : this.#over('ERROR', message);
  }

  started(at: EpochMs): Out {
    if (this.#phase !== 'starting') return [];
    this.#phase = 'running';
    this.#startedAt = at;
    return this.#killed ? this.#ending.begin(at) : [];
  }

  exited(exitCode: number, at: EpochMs): Out {
    if (this.#phase !== 'running' && this.#phase !== 'starting') return [];
    if (exitCode === 0) return this.#over('FINISHED', null);
    if (this.#killed) return this.#over('KILLED', null);
    if (!this.launch.driver.supervise) return this.#over('FAILED', null);
    if (at - this.#startedAt > GOOD_RUN_MS) this.#waitSeconds = 1;
    this.#log.info(`Command exited with status ${exitCode}, re-launching after ${this.#waitSeconds} s.`);
    this.#phase = 'waiting';
    const until = at + this.#waitSeconds * 1000;
    this.#waitSeconds *= 2;
    return [{ type: 'SetTimer', timer: `restart ${this.key}`, at: until }];
  }

  waited(): Out {
    return this.#phase === 'waiting' ? this.#start() : [];
  }

  kill(at: EpochMs): Out {
    if (!this.#killed) this.#log.info(`Killing driver process of ${this.key}!`);
    this.#killed = true;
    if (this.#phase === 'waiting') return this.#over('KILLED', null);
    if (this.#phase === 'preparing') return [{ type: 'EndPreparation', key: this.key }];
    return this.#phase === 'running' ? this.#ending.begin(at) : [];
  }

  /** Its worker stops. */
  stop(at: EpochMs): Out {
    this.#endsWithWorker = this.launch.driver.supervise && !this.#killed;
    return this.kill(at);
  }

  /** Only its worker's stop has ended it, and somebody wants it to run: a master that loses the worker has another one start it. */
  get leftToMaster(): boolean {
    return this.#endsWithWorker && this.state !== 'FINISHED';
  }

  /** It was told to end and has not. */
  killTimeIsUp(at: EpochMs): Out {
    if (this.#phase !== 'running') return [];
    const more = this.#ending.timeIsUp(at);
    if (more !== null) return more;
    this.#log.warn(`Failed to terminate driver process of ${this.key}. This process will likely be orphaned.`);
    return this.#over('KILLED', null);
  }

  report(): DriverReport {
    return { driverId: this.launch.driverId, resources: this.launch.resources };
  }

  summary(): WorkerDriver {
    const { driverId, driver, resources } = this.launch;
    return { driverId, driver, resources, state: this.state, exception: this.exception };
  }

  #start(): Out {
    if (this.#killed) return this.#over('KILLED', null);
    const { command } = this.launch.driver;
    try {
      const values = { WORKER_URL: endpointUrl(WORKER_ENDPOINT, this.#settings), USER_JAR: this.#userJar };
      const plan = planProcess(command, values, this.#environment(), this.directory, 'Launch Command', this.#settings);
      this.#phase = 'starting';
      // It registers with masters. Spark: CommandUtils gives a worker's secret to all that it starts
      return [{ type: 'StartProcess', key: this.key, plan: { ...plan, secret: { kind: 'cluster' } } }];
    } catch (error) {
      return this.#over('ERROR', error instanceof Error ? error.message : String(error));
    }
  }

  /** Spark gives the file as `spark.driver.resourcesFile`. */
  #environment(): Readonly<Record<string, string>> {
    if (Object.keys(this.launch.resources).length === 0) return {};
    return { [DRIVER_RESOURCES_VARIABLE]: resourcesFileOf(this.directory, 'driver') };
  }

  #over(state: DriverState, exception: string | null): Out {
    if (this.#phase === 'over') return [];
    this.#phase = 'over';
    this.state = state;
    this.exception = exception;
    return [
      { type: 'CancelTimer', timer: `kill ${this.key}` },
      { type: 'CancelTimer', timer: `restart ${this.key}` },
      { type: 'Ended', state, exception },
    ];
  }
}

/** Spark: Worker.handleDriverStateChanged */
export function logDriverEnd(log: Logger, driverId: string, state: DriverState, exception: string | null): void {
  if (state === 'ERROR') log.warn(`Driver ${driverId} failed with unrecoverable exception: ${exception}`);
  else if (state === 'FAILED') log.warn(`Driver ${driverId} exited with failure`);
  else if (state === 'FINISHED') log.info(`Driver ${driverId} exited successfully`);
  else log.info(`Driver ${driverId} was killed by user`);
}
