import { seededRandom } from '../../src/base/seeded-random.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { Worker } from '../../src/deploy/worker/worker.ts';
import type { WorkerEffect, WorkerEvent, WorkerTimer } from '../../src/deploy/worker/worker-events.ts';
import { workerSettings } from '../../src/deploy/worker/worker-settings.ts';
import type { MasterToWorker, WorkerToMaster } from '../../src/protocol/master-worker.ts';
import { app, driver } from './master-machine.ts';
import { levelLogger } from './rpc.ts';

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;
type Effect<T extends WorkerEffect['type']> = Extract<WorkerEffect, { type: T }>;

export const MASTER = 'spark://m1:7077';

/** A worker alone: events go in by hand, alarms are kept, and after each event its invariants must hold. */
export class WorkerMachine {
  readonly worker: Worker;
  readonly timers = new Map<WorkerTimer, number>();
  /** Of the last event. */
  effects: WorkerEffect[] = [];
  /** What it said with the last event: `warn …`. */
  readonly lines: string[] = [];
  /** Its master acknowledges all news. */
  answers = true;
  readonly startedAt = new Date(2026, 10, 21, 7, 8, 9).getTime();
  at: number = this.startedAt;

  constructor(
    conf: Record<string, string | number> = {},
    options: { seed?: number; masters?: string[]; spares?: boolean } = {},
  ) {
    const identity = {
      host: 'w1',
      port: 7001,
      cores: 8,
      memory: 8192,
      webUiUrl: 'http://w1:8081',
      resources: { gpu: ['0', '1'] },
      masters: options.masters ?? ['m1:7077'],
      workDir: '/work',
      programs: { CoarseGrainedExecutorBackend: '/iskra/executor.js', DriverWrapper: '/iskra/driver.js' },
      hasSpares: options.spares ?? false,
    };
    const settings = workerSettings(new SparkConf(conf), identity, this.at);
    this.worker = new Worker(settings, levelLogger(this.lines), seededRandom(options.seed ?? 1));
    this.handle({ type: 'Start' });
  }

  handle(event: WithoutTime<WorkerEvent>): WorkerEffect[] {
    this.lines.length = 0;
    this.effects = this.worker.handle({ ...event, at: this.at } as WorkerEvent);
    for (const effect of this.effects) {
      if (effect.type === 'SetTimer') this.timers.set(effect.timer, effect.at);
      if (effect.type === 'CancelTimer') this.timers.delete(effect.timer);
    }
    for (const { id, connection } of this.answers ? this.all('TellMaster') : [])
      this.worker.handle({ type: 'NewsAnswered', at: this.at, id, connection, fault: null });
    this.worker.checkInvariants();
    return this.effects;
  }

  /** Lets the time go on to this alarm. */
  wake(timer: WorkerTimer): WorkerEffect[] {
    const at = this.timers.get(timer);
    if (at === undefined) throw new Error(`no alarm ${timer}; there are ${[...this.timers.keys()].join(', ')}`);
    this.at = Math.max(this.at, at);
    this.timers.delete(timer);
    return this.handle({ type: 'Woken', timer });
  }

  from(message: MasterToWorker, connection = 'm1'): WorkerEffect[] {
    return this.handle({ type: 'FromMaster', from: connection, message });
  }

  register(connection = 'm1', masterUrl = MASTER, duplicate = false): WorkerEffect[] {
    const masterAddress = 'alias:7077';
    return this.from(
      { type: 'RegisteredWorker', masterUrl, masterWebUiUrl: 'http://m1:8080', masterAddress, duplicate },
      connection,
    );
  }

  launch(execId: number, more: Partial<Extract<MasterToWorker, { type: 'LaunchExecutor' }>> = {}): WorkerEffect[] {
    return this.from({
      type: 'LaunchExecutor',
      masterUrl: MASTER,
      appId: 'app-1',
      execId,
      resourceProfileId: 0,
      app: app(),
      cores: 2,
      memory: 1024,
      resources: {},
      ...more,
    });
  }

  /** Launches an executor, up to its process. */
  run(execId: number): void {
    this.launch(execId);
    const key = `app-1/${execId}`;
    this.handle({ type: 'ExecutorPrepared', key, appDirs: ['/tmp/e1', '/tmp/e2'] });
    this.handle({ type: 'ProcessStarted', key });
  }

  launchDriver(driverId: string, more: Parameters<typeof driver>[0] = {}): WorkerEffect[] {
    return this.from({ type: 'LaunchDriver', driverId, driver: driver(more), resources: {} });
  }

  /** Launches a driver, up to its process. */
  runDriver(driverId: string, more: Parameters<typeof driver>[0] = {}): void {
    this.launchDriver(driverId, more);
    this.handle({ type: 'DriverPrepared', key: driverId, userJar: '/work/d/app.js' });
    this.handle({ type: 'ProcessStarted', key: driverId });
  }

  all<T extends WorkerEffect['type']>(type: T): Effect<T>[] {
    return this.effects.filter((effect): effect is Effect<T> => effect.type === type);
  }

  /** Messages to the master that the last event caused. */
  sent(): WorkerToMaster[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'SendToMaster' ? [effect.message] : effect.type === 'TellMaster' ? [effect.news] : [],
    );
  }
}
