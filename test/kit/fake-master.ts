import {
  MASTER_ENDPOINT,
  type MasterToWorker,
  type TellMaster,
  type WorkerToMaster,
} from '../../src/protocol/master-worker.ts';
import type { RpcCaller } from '../../src/rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import type { RpcSecurity } from '../../src/rpc/security.ts';
import { app, driver } from './master-machine.ts';
import { OPEN } from './rpc.ts';

type Heard<T extends WorkerToMaster['type']> = Extract<WorkerToMaster, { type: T }>;

/** A master that does as it is told, over real sockets. It registers whoever comes, unless `silent`. */
export class FakeMaster {
  readonly heard: WorkerToMaster[] = [];
  /** Of the connection that spoke last. */
  caller: RpcCaller | null = null;
  /** Answers registrations with this; nothing: RegisteredWorker. */
  answer: MasterToWorker | null | undefined;
  readonly #env: RpcEnv;
  readonly #waiting = new Set<() => void>();

  /** Before news are acknowledged. */
  acknowledges: () => Promise<void> = () => Promise.resolve();

  private constructor(env: RpcEnv) {
    this.#env = env;
    env.register<WorkerToMaster, TellMaster>(MASTER_ENDPOINT, {
      receive: (message, from) => this.#hear(message, from),
      receiveAndReply: async ({ request }, from) => {
        this.#hear(request, from);
        await this.acknowledges();
        return null;
      },
    });
  }

  static async start(options: { port?: number; security?: RpcSecurity } = {}): Promise<FakeMaster> {
    const { port = 0, security = OPEN } = options;
    return new FakeMaster(
      await RpcEnv.create({ name: 'master', host: '127.0.0.1', port, portMaxRetries: 0, security }),
    );
  }

  get port(): number {
    return this.#env.address?.port ?? 0;
  }

  get hostPort(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `spark://${this.hostPort}`;
  }

  #hear(message: WorkerToMaster, from: RpcCaller): void {
    this.caller = from;
    this.heard.push(message);
    if (message.type === 'RegisterWorker') {
      if (this.answer === undefined) this.#register(message, from);
      else if (this.answer !== null) this.send(this.answer);
    }
    for (const wake of [...this.#waiting]) wake();
  }

  #register(message: Heard<'RegisterWorker'>, from: RpcCaller): void {
    this.#to(from, {
      type: 'RegisteredWorker',
      masterUrl: this.url,
      masterWebUiUrl: 'http://127.0.0.1:8080',
      masterAddress: message.masterAddress,
      duplicate: false,
    });
  }

  /** To the worker that spoke last. */
  send(message: MasterToWorker): void {
    if (this.caller === null) throw new Error('no worker has come');
    this.#to(this.caller, message);
  }

  #to(caller: RpcCaller, message: MasterToWorker): void {
    caller.ref<MasterToWorker>('Worker').send(message);
  }

  /** The first message of this type that fits, among those heard from `from` on or to come. */
  async hears<T extends WorkerToMaster['type']>(
    type: T,
    fits: (message: Heard<T>) => boolean = () => true,
    from = 0,
  ): Promise<Heard<T>> {
    for (;;) {
      const found = this.heard
        .slice(from)
        .find((message): message is Heard<T> => message.type === type && fits(message as Heard<T>));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  /** How the executor ends. */
  ended(execId: number): Promise<Heard<'ExecutorStateChanged'>> {
    return this.hears(
      'ExecutorStateChanged',
      (message) => message.execId === execId && message.state !== 'RUNNING' && message.state !== 'LAUNCHING',
    );
  }

  launch(execId: number, more: Partial<Extract<MasterToWorker, { type: 'LaunchExecutor' }>> = {}): void {
    this.send({
      type: 'LaunchExecutor',
      masterUrl: this.url,
      appId: 'app-1',
      execId,
      resourceProfileId: 0,
      app: app(),
      cores: 1,
      memory: 512,
      resources: {},
      ...more,
    });
  }

  launchDriver(driverId: string, more: Parameters<typeof driver>[0] = {}, resources = {}): void {
    this.send({ type: 'LaunchDriver', driverId, driver: driver(more), resources });
  }

  stop(): Promise<void> {
    return this.#env.stop();
  }
}
