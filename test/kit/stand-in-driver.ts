import { silentLogger } from '../../src/base/logger.ts';
import type { AppClientNews } from '../../src/cluster/standalone/app-client-events.ts';
import { AppClientLoop } from '../../src/cluster/standalone/app-client-loop.ts';
import type { ApplicationDescription } from '../../src/protocol/deploy-description.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { OPEN } from './rpc.ts';

type NewsOf<T extends AppClientNews['type']> = Extract<AppClientNews, { type: T }>;

/** The part of a driver that a master sees, and nothing behind it: for applications in numbers. */
export class StandInDriver {
  readonly #rpc: RpcEnv;
  readonly #client: AppClientLoop;
  readonly #heard: AppClientNews[] = [];
  readonly #waiting = new Set<() => void>();

  /** @param master `host:port` */
  static async start(master: string, app: ApplicationDescription): Promise<StandInDriver> {
    const rpc = await RpcEnv.create({ name: 'stand-in', host: '127.0.0.1', port: 0, security: OPEN });
    const driver = new StandInDriver(rpc, master, app);
    await driver.hears('Connected');
    return driver;
  }

  private constructor(rpc: RpcEnv, master: string, app: ApplicationDescription) {
    this.#rpc = rpc;
    this.#client = new AppClientLoop({
      masters: [master],
      app,
      driverAddress: `127.0.0.1:${rpc.address?.port}`,
      rpc,
      clusterKeyId: null,
      hear: (news) => {
        this.#heard.push(news);
        for (const wake of [...this.#waiting]) wake();
      },
      log: silentLogger,
    });
    this.#client.start();
  }

  /** The first news of this type that fits, heard already or to come. */
  async hears<T extends AppClientNews['type']>(
    type: T,
    fits: (news: NewsOf<T>) => boolean = () => true,
  ): Promise<NewsOf<T>> {
    for (;;) {
      const found = this.#heard.find((news): news is NewsOf<T> => news.type === type && fits(news as NewsOf<T>));
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

  async stop(): Promise<void> {
    this.#client.stop();
    await this.#rpc.stop();
  }
}
