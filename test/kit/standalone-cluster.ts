import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { type MasterLoop, startMaster } from '../../src/deploy/master/master-loop.ts';
import { openRecovery } from '../../src/deploy/recovery/open-recovery.ts';
import { startWorker, type WorkerLoop, type WorkerOptions } from '../../src/deploy/worker/worker-loop.ts';
import type { ApplicationSummary } from '../../src/protocol/deploy-summaries.ts';
import { DRIVER_MAIN, EXECUTOR_MAIN } from '../../src/protocol/worker-process.ts';
import type { RpcSecurity } from '../../src/rpc/security.ts';
import { freePort } from './free-port.ts';
import { OPEN } from './rpc.ts';
import { until } from './until.ts';

const EXECUTOR = fileURLToPath(new URL('../../src/main/executor-process.js', import.meta.url));
/** What a user's worker runs. */
export const BUNDLED_EXECUTOR: string = fileURLToPath(
  new URL('../../bundle/main/executor-process.js', import.meta.url),
);
/** What a user's worker runs as driver: the application's 'iskra' is the bundle. */
export const BUNDLED_DRIVER: string = fileURLToPath(new URL('../../bundle/main/driver-process.js', import.meta.url));

export interface ClusterOptions {
  readonly workers?: number;
  readonly coresPerWorker?: number;
  /** MiB. */
  readonly memoryPerWorker?: number;
  /** Of master and workers. */
  readonly conf?: Readonly<Record<string, string>>;
  readonly security?: RpcSecurity;
  readonly log?: Logger;
  /** What workers run as executors. */
  readonly executor?: string;
  /** Of the master. */
  readonly clock?: Clock;
  /** Whether the master keeps what the next one needs. */
  readonly recovers?: boolean;
}

/** A real master and real workers in this process, on loopback; executors are processes. */
export class StandaloneCluster {
  readonly directory: string;
  readonly workers: WorkerLoop[] = [];
  master: MasterLoop;
  readonly #options: ClusterOptions;
  readonly #conf: SparkConf;

  static async start(options: ClusterOptions = {}): Promise<StandaloneCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'iskra-standalone-'));
    const conf = new SparkConf({
      'spark.local.dir': join(directory, 'local'),
      'spark.iskra.package.cacheDir': join(directory, 'packages'),
      ...(options.recovers === true && {
        'spark.deploy.recoveryMode': 'FILESYSTEM',
        'spark.deploy.recoveryDirectory': join(directory, 'recovery'),
      }),
      ...options.conf,
    });
    const master = await makeMaster(conf, options, options.recovers === true ? await freePort() : 0);
    const cluster = new StandaloneCluster(directory, conf, options, master);
    for (let i = 0; i < (options.workers ?? 2); i++) await cluster.addWorker();
    await cluster.until((state) => state.workers.length === cluster.workers.length);
    return cluster;
  }

  private constructor(directory: string, conf: SparkConf, options: ClusterOptions, master: MasterLoop) {
    this.directory = directory;
    this.#conf = conf;
    this.#options = options;
    this.master = master;
  }

  get url(): string {
    return this.master.url;
  }

  /** Settings of the cluster, with others. */
  withConf(more: Readonly<Record<string, string>>): SparkConf {
    return new SparkConf({ ...Object.fromEntries(this.#conf.getAll()), ...more });
  }

  async addWorker(more: Partial<WorkerOptions> = {}): Promise<WorkerLoop> {
    const { coresPerWorker = 1, memoryPerWorker = 1024, security = OPEN, log = silentLogger } = this.#options;
    const executor = this.#options.executor ?? EXECUTOR;
    if (!existsSync(executor)) throw new Error(`there is no ${executor}; build it first: npm run build`);
    const worker = await startWorker({
      conf: this.#conf,
      host: '127.0.0.1',
      port: 0,
      cores: coresPerWorker,
      memory: memoryPerWorker,
      workDir: join(this.directory, `work-${this.workers.length}`),
      masters: [this.master.url],
      webUiUrl: 'http://127.0.0.1:8081',
      resources: {},
      security,
      log,
      seed: this.workers.length + 1,
      programs: { [DRIVER_MAIN]: BUNDLED_DRIVER, [EXECUTOR_MAIN]: executor },
      ...more,
    });
    this.workers.push(worker);
    return worker;
  }

  /** Ends the master and starts another one at its port, which reads what it kept. */
  async restartMaster(): Promise<void> {
    const { port } = this.master.address;
    await this.master.stop();
    this.master = await makeMaster(this.#conf, this.#options, port);
  }

  /** Looks until the master's state is so. */
  async until(found: (state: Awaited<ReturnType<StandaloneCluster['state']>>) => boolean): Promise<void> {
    await until(async () => found(await this.state()));
  }

  state() {
    return this.master.ask('RequestMasterState', null);
  }

  /** Of an application that is live or over. */
  async app(id: string): Promise<ApplicationSummary | undefined> {
    const { activeApps, completedApps } = await this.state();
    return [...activeApps, ...completedApps].find((app) => app.id === id);
  }

  /** Names of directories of applications in the workers' work directories. */
  workDirs(): string[] {
    return this.workers.flatMap((_, i) => readdirSync(join(this.directory, `work-${i}`)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.master.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function makeMaster(conf: SparkConf, options: ClusterOptions, port: number): Promise<MasterLoop> {
  const { security = OPEN, log = silentLogger, clock = systemClock } = options;
  return startMaster({
    conf,
    clock,
    host: '127.0.0.1',
    port,
    webUiUrl: '',
    security,
    ...(await openRecovery(conf, log)),
    log,
  });
}
