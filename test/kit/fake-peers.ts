import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { type MasterLoop, type MasterOptions, startMaster } from '../../src/deploy/master/master-loop.ts';
import { monarchy } from '../../src/deploy/recovery/leader-election.ts';
import { noPersistence } from '../../src/deploy/recovery/persistence-engine.ts';
import type { ApplicationDescription, DriverReport, ExecutorReport } from '../../src/protocol/deploy-description.ts';
import {
  APP_CLIENT_ENDPOINT,
  type AppToMaster,
  type AskMaster,
  type MasterToApp,
} from '../../src/protocol/master-client.ts';
import {
  MASTER_ENDPOINT,
  type MasterToWorker,
  WORKER_ENDPOINT,
  type WorkerDescription,
  type WorkerToMaster,
} from '../../src/protocol/master-worker.ts';
import { formatAddress, type RpcAddress } from '../../src/rpc/rpc-address.ts';
import type { RpcRef } from '../../src/rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import type { RpcSecurity } from '../../src/rpc/security.ts';
import { worker } from './master-machine.ts';
import { OPEN } from './rpc.ts';

interface Tagged {
  readonly type: string;
}

/** One that speaks to a master: a server of its own, and what came, in order. */
export class FakePeer<In extends Tagged, Out extends Tagged> {
  readonly env: RpcEnv;
  readonly received: In[] = [];
  /** Connections that it saw going. */
  lost = 0;
  master: RpcRef<Out, AskMaster> | null = null;
  readonly #waiting: { readonly types: readonly string[]; readonly resolve: (message: never) => void }[] = [];
  readonly #lossWaiting: (() => void)[] = [];

  constructor(env: RpcEnv, endpoint: string) {
    this.env = env;
    env.register<In>(endpoint, {
      receive: (message, from) => {
        this.received.push(message);
        // Whoever speaks last is its master, as with MasterChanged.
        this.master = from.ref<Out, AskMaster>(MASTER_ENDPOINT);
        const at = this.#waiting.findIndex(({ types }) => types.includes(message.type));
        if (at >= 0) this.#waiting.splice(at, 1)[0]?.resolve(message as never);
      },
      onDisconnected: () => {
        this.lost++;
        for (const tell of this.#lossWaiting.splice(0)) tell();
      },
    });
  }

  get address(): string {
    return formatAddress(this.env.address as RpcAddress);
  }

  async connect(master: RpcAddress): Promise<void> {
    this.master = await this.env.connect<Out, AskMaster>(master, MASTER_ENDPOINT);
  }

  send(message: Out): void {
    if (this.master === null) throw new Error('connect first');
    this.master.send(message);
  }

  ask<K extends keyof AskMaster & string>(type: K, request: AskMaster[K][0]): Promise<AskMaster[K][1]> {
    if (this.master === null) throw new Error('connect first');
    return this.master.ask(type, request);
  }

  /** The next message of one of these types, from now on. */
  next<T extends In['type']>(...types: readonly T[]): Promise<Extract<In, { type: T }>> {
    return new Promise((resolve) => this.#waiting.push({ types, resolve }));
  }

  /** The next time that a connection is lost. */
  nextLoss(): Promise<void> {
    return new Promise((resolve) => this.#lossWaiting.push(resolve));
  }
}

export class FakeWorker extends FakePeer<MasterToWorker, WorkerToMaster> {
  readonly desc: WorkerDescription;

  constructor(env: RpcEnv, name: string, more: Partial<WorkerDescription> = {}) {
    super(env, WORKER_ENDPOINT);
    const { host, port } = env.address as RpcAddress;
    this.desc = worker(name, { host, port, ...more });
  }

  register(): Promise<MasterToWorker> {
    const answer = this.next('RegisteredWorker', 'RegisterWorkerFailed', 'MasterInStandby');
    this.send({ type: 'RegisterWorker', worker: this.desc, masterAddress: 'as-told:7077' });
    return answer;
  }

  heartbeat(): void {
    this.send({ type: 'Heartbeat', workerId: this.desc.id });
  }

  answerMasterChange(executors: readonly ExecutorReport[] = [], drivers: readonly DriverReport[] = []): void {
    this.send({ type: 'WorkerSchedulerStateResponse', workerId: this.desc.id, executors, drivers });
  }
}

export class FakeApp extends FakePeer<MasterToApp, AppToMaster> {
  constructor(env: RpcEnv) {
    super(env, APP_CLIENT_ENDPOINT);
  }

  /** @returns its id. */
  async register(app: ApplicationDescription): Promise<string> {
    const answer = this.next('RegisteredApplication');
    this.send({ type: 'RegisterApplication', app, driverAddress: this.address });
    return (await answer).appId;
  }
}

/** Masters and those who speak to them, all ended after the test. */
export interface FakeCluster {
  master(
    conf?: Record<string, string | number | boolean>,
    options?: Partial<Omit<MasterOptions, 'conf'>>,
  ): Promise<MasterLoop>;
  worker(name: string, master: MasterLoop | null, more?: Partial<WorkerDescription>): Promise<FakeWorker>;
  app(master: MasterLoop | null): Promise<FakeApp>;
  env(security?: RpcSecurity, log?: Logger): Promise<RpcEnv>;
}

export async function withCluster(body: (cluster: FakeCluster) => Promise<void>): Promise<void> {
  const masters: MasterLoop[] = [];
  const envs: RpcEnv[] = [];
  const newEnv = async (security: RpcSecurity = OPEN, logger = silentLogger): Promise<RpcEnv> => {
    const env = await RpcEnv.create({ name: 'fake', host: '127.0.0.1', port: 0, security, logger });
    envs.push(env);
    return env;
  };
  try {
    await body({
      env: newEnv,
      async master(conf = {}, options = {}) {
        const started = await startMaster({
          // No cache: times of tests would clean the user's own.
          conf: new SparkConf({
            'spark.iskra.paranoid': 'true',
            'spark.iskra.package.cacheDir': '/nowhere/packages',
            ...conf,
          }),
          host: '127.0.0.1',
          port: 0,
          webUiUrl: 'http://127.0.0.1:8080',
          security: OPEN,
          persistence: noPersistence,
          election: monarchy(),
          log: silentLogger,
          ...options,
        });
        masters.push(started);
        return started;
      },
      async worker(name, master, more = {}) {
        const fake = new FakeWorker(await newEnv(), name, more);
        if (master !== null) await fake.connect(master.address);
        return fake;
      },
      async app(master) {
        const fake = new FakeApp(await newEnv());
        if (master !== null) await fake.connect(master.address);
        return fake;
      },
    });
  } finally {
    await Promise.all(envs.map((env) => env.stop()));
    await Promise.all(masters.map((master) => master.stop()));
  }
}
