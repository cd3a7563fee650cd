// A real ZooKeeper server, of Debian's package zookeeper, on loopback and in a directory of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

export const JAR = '/usr/share/java/zookeeper.jar';
/** It takes a second on an idle machine. */
const START_LIMIT_MS = 120_000;

/** Runs a server with the settings of `zoo.cfg` in a directory. */
export function serverCommand(directory: string): string[] {
  return [
    'java',
    // As little of the machine as it can do with: it starts in a second then.
    ...['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'],
    ...['-cp', `${directory}:${JAR}`, 'org.apache.zookeeper.server.quorum.QuorumPeerMain'],
    join(directory, 'zoo.cfg'),
  ];
}

export class ZooKeeperServer {
  readonly port: number;
  readonly directory: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.directory = directory;
  }

  /** @param tickMs sessions last 2 to 20 of it. */
  static async start(tickMs = 500): Promise<ZooKeeperServer> {
    if (!existsSync(JAR)) throw new Error(`there is no ${JAR}: apt-get install --no-install-recommends zookeeper`);
    const server = new ZooKeeperServer(await freePort(), mkdtempSync(join(tmpdir(), 'iskra-zookeeper-')));
    const lines = [
      `tickTime=${tickMs}`,
      'maxSessionTimeout=60000',
      `dataDir=${join(server.directory, 'data')}`,
      `clientPort=${server.port}`,
      'clientPortAddress=127.0.0.1',
      'admin.enableServer=false',
      '4lw.commands.whitelist=ruok',
    ];
    writeFileSync(join(server.directory, 'zoo.cfg'), `${lines.join('\n')}\n`);
    await server.restart();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const [program = '', ...args] = serverCommand(this.directory);
    const child = spawn(program, args, { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    writeFileSync(join(this.directory, 'pid'), String(child.pid)); // for whoever cleans up after a test that was ended
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-4000);
      });
    const end = Date.now() + START_LIMIT_MS;
    while (!(await this.#isUp())) {
      if (child.exitCode !== null || Date.now() > end) {
        await this.kill();
        throw new Error(`ZooKeeper does not start: ${said}`);
      }
      await later(30);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** SIGKILL; returns when it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #isUp(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write('ruok'));
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk.toString();
      });
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(answer === 'imok'));
      socket.setTimeout(1000, () => socket.destroy());
    });
  }
}

export function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
