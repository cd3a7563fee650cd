import { seededRandom } from '../../src/base/seeded-random.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { Master } from '../../src/deploy/master/master.ts';
import type { MasterEffect, MasterEvent } from '../../src/deploy/master/master-events.ts';
import { masterSettings } from '../../src/deploy/master/master-settings.ts';
import type { ApplicationDescription, Command, DriverDescription } from '../../src/protocol/deploy-description.ts';
import type { ExecutorState } from '../../src/protocol/deploy-states.ts';
import type { AppToMaster, AskMaster, MasterToApp } from '../../src/protocol/master-client.ts';
import type { MasterToWorker, WorkerDescription, WorkerToMaster } from '../../src/protocol/master-worker.ts';
import type { RecoveryRecord } from '../../src/protocol/recovery.ts';
import { levelLogger } from './rpc.ts';

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;

export const COMMAND: Command = {
  mainClass: 'CoarseGrainedExecutorBackend',
  arguments: ['--executor-id', '{{EXECUTOR_ID}}'],
  environment: {},
  nodeOptions: [],
};

export function app(
  more: Partial<ApplicationDescription> & { cores?: number | null; memory?: number; gpu?: number } = {},
) {
  const { cores = null, memory = 1024, gpu, ...rest } = more;
  const desc: ApplicationDescription = {
    name: 'app',
    maxCores: null,
    command: COMMAND,
    appUiUrl: '',
    user: 'me',
    demand: {
      coresPerExecutor: cores,
      memoryPerExecutor: memory,
      resourcesPerExecutor: gpu === undefined ? {} : { gpu },
    },
    initialExecutorLimit: null,
    eventLogDir: null,
    eventLogCodec: null,
    ...rest,
  };
  return desc;
}

export function driver(more: Partial<DriverDescription> = {}): DriverDescription {
  return {
    appResource: 'file:/app.js',
    memory: 512,
    cores: 1,
    supervise: false,
    command: { ...COMMAND, mainClass: 'DriverWrapper' },
    resources: {},
    ...more,
  };
}

export function worker(name: string, more: Partial<WorkerDescription> = {}): WorkerDescription {
  return {
    id: `worker-${name}`,
    host: `host-${name}`,
    port: 7000,
    cores: 10,
    memory: 10_240,
    webUiAddress: `http://host-${name}:8081`,
    resources: {},
    ...more,
  };
}

/** A master alone: events go in by hand, after each its invariants must hold, and what it keeps is kept. */
export class MasterMachine {
  readonly master: Master;
  readonly records = new Map<string, RecoveryRecord>();
  /** Of the last event. */
  effects: MasterEffect[] = [];
  /** What it said with the last event: `warn …`. */
  readonly lines: string[] = [];
  at: number;
  #askId = 0;

  /** Leads at once, unless `standby`. */
  constructor(
    conf: Record<string, string | number> = {},
    options: { standby?: boolean; at?: number; seed?: number } = {},
  ) {
    this.at = options.at ?? new Date(2026, 10, 21, 7, 8, 9).getTime();
    const settings = masterSettings(new SparkConf(conf), 'spark://master:7077', 'http://master:8080');
    this.master = new Master(settings, levelLogger(this.lines), seededRandom(options.seed ?? 1));
    this.handle({ type: 'Start' });
    if (!options.standby) this.handle({ type: 'ElectedLeader', recovered: [] });
  }

  handle(event: WithoutTime<MasterEvent>): MasterEffect[] {
    this.lines.length = 0;
    this.effects = this.master.handle({ ...event, at: this.at } as MasterEvent);
    for (const effect of this.effects) {
      if (effect.type === 'Persist') this.records.set(`${effect.record.kind}_${effect.record.id}`, effect.record);
      if (effect.type === 'Unpersist') this.records.delete(`${effect.kind}_${effect.id}`);
    }
    this.master.checkInvariants();
    return this.effects;
  }

  /** Registers a worker over the connection `c-<name>`. */
  worker(name: string, more: Partial<WorkerDescription> = {}, connection = `c-${name}`): MasterToWorker[] {
    this.fromWorker({ type: 'RegisterWorker', worker: worker(name, more), masterAddress: 'master:7077' }, connection);
    return this.toWorkers();
  }

  fromWorker(message: WorkerToMaster, from: string): MasterEffect[] {
    return this.handle({ type: 'FromWorker', from, message });
  }

  /** Registers an application of the driver `<name>:1`; its id. */
  app(name: string, desc: ApplicationDescription): string {
    this.fromApp({ type: 'RegisterApplication', app: desc, driverAddress: `${name}:1` }, `c-${name}`);
    const [answer] = this.toApps('RegisteredApplication');
    return answer?.appId ?? '';
  }

  fromApp(message: AppToMaster, from: string): MasterEffect[] {
    return this.handle({ type: 'FromApp', from, message });
  }

  ask<K extends keyof AskMaster>(type: K, request: AskMaster[K][0]): AskMaster[K][1] {
    const askId = this.#askId++;
    const ask = { type, request } as Extract<MasterEvent, { type: 'Asked' }>['ask'];
    this.handle({ type: 'Asked', askId, ask });
    for (const effect of this.effects)
      if (effect.type === 'Reply' && effect.askId === askId) return effect.reply as AskMaster[K][1];
    throw new Error(`${type} got no answer`);
  }

  executor(appId: string, execId: number, state: ExecutorState, exitStatus: number | null = null): MasterEffect[] {
    return this.fromWorker({ type: 'ExecutorStateChanged', appId, execId, state, message: null, exitStatus }, 'c');
  }

  /** Messages to workers that the last event caused. */
  toWorkers(): MasterToWorker[];
  toWorkers<T extends MasterToWorker['type']>(type: T): Extract<MasterToWorker, { type: T }>[];
  toWorkers(type?: string): MasterToWorker[] {
    return this.effects.flatMap((e) =>
      e.type === 'SendToWorker' && (type === undefined || e.message.type === type) ? [e.message] : [],
    );
  }

  toApps(): MasterToApp[];
  toApps<T extends MasterToApp['type']>(type: T): Extract<MasterToApp, { type: T }>[];
  toApps(type?: string): MasterToApp[] {
    return this.effects.flatMap((e) =>
      e.type === 'SendToApp' && (type === undefined || e.message.type === type) ? [e.message] : [],
    );
  }

  /** `host:cores` of each executor that the last event launched, sorted. */
  launched(): string[] {
    return this.toApps('ExecutorAdded')
      .map(({ hostPort, cores }) => `${hostPort.replace(/^host-|:7000$/g, '')}:${cores}`)
      .sort();
  }

  /** The next master reads what this one kept. */
  successor(conf: Record<string, string | number> = {}, afterMs = 1000): MasterMachine {
    const next = new MasterMachine(conf, { standby: true, at: this.at + afterMs });
    for (const [key, record] of this.records) next.records.set(key, structuredClone(record));
    next.handle({ type: 'ElectedLeader', recovered: [...next.records.values()] });
    return next;
  }

  passes(ms: number): void {
    this.at += ms;
  }
}
