import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

/** What Spark's launcher gives a JVM, as far as a history server needs it. */
const OPENS = ['java.lang', 'java.lang.invoke', 'java.nio', 'java.util', 'java.util.concurrent', 'sun.nio.ch'].map(
  (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
);

/** Spark's own history server over a directory, as scripts/check-history.mjs has found it. */
export class SparkHistoryServer {
  readonly #child: ChildProcess;
  readonly url: string;
  #log = '';

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => {
        this.#log += bytes.toString();
      });
  }

  static async start(dir: string): Promise<SparkHistoryServer> {
    const jars = process.env['ISKRA_SPARK_JARS'];
    if (jars === undefined) throw new Error('ISKRA_SPARK_JARS is not set: run scripts/check-history.mjs');
    const port = await freePort();
    const child = spawn(
      'java',
      [
        ...OPENS,
        ...['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
        '-cp',
        join(jars, '*'),
        `-Dspark.history.fs.logDirectory=file:${dir}`,
        `-Dspark.history.ui.port=${port}`,
        '-Dspark.history.fs.update.interval=1s',
        'org.apache.spark.deploy.history.HistoryServer',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' } },
    );
    const server = new SparkHistoryServer(child, `http://127.0.0.1:${port}`);
    await server.until(async () => (await server.get('/api/v1/version')).status === 200);
    return server;
  }

  get log(): string {
    return this.#log;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(this.url + path);
        return { status: response.status, text: await response.text() };
      } catch (error) {
        // It drops connections when the machine is busy.
        if (attempt === 3) throw error;
      }
    }
  }

  /** Waits until it holds, as long as the server runs. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`Spark's history server has ended:\n${this.#log}`);
      return holds().catch(() => false);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
