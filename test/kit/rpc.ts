import { connect, createServer, type Socket } from 'node:net';
import type { Logger } from '../../src/base/logger.ts';
import { RpcEnv, type RpcEnvOptions } from '../../src/rpc/rpc-env.ts';
import type { RpcSecurity } from '../../src/rpc/security.ts';

export const OPEN: RpcSecurity = { kind: 'none', offLoopback: 'refused' };

/** Runs a test with environments, and stops them after it. */
export async function withEnvs(
  body: (make: (options?: Partial<RpcEnvOptions>) => Promise<RpcEnv>) => Promise<void>,
): Promise<void> {
  const envs: RpcEnv[] = [];
  try {
    await body(async (options = {}) => {
      const env = await RpcEnv.create({ name: 'test', host: '127.0.0.1', security: OPEN, ...options });
      envs.push(env);
      return env;
    });
  } finally {
    await Promise.all(envs.map((env) => env.stop()));
  }
}

/** The port of an environment that serves. */
export function portOf(env: RpcEnv): number {
  if (env.address === null) throw new Error('the environment serves nothing');
  return env.address.port;
}

export function addressOf(env: RpcEnv): { host: string; port: number } {
  return { host: '127.0.0.1', port: portOf(env) };
}

/** Keeps warnings and errors. */
export function recordingLogger(lines: string[]): Logger {
  const write = (message: string, fields?: object): void => {
    lines.push(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`);
  };
  const logger: Logger = {
    debug() {},
    info() {},
    warn: write,
    error: write,
    enabled: () => true,
    named: () => logger,
  };
  return logger;
}

/** Keeps everything, with its level: `warn …`. */
export function levelLogger(lines: string[]): Logger {
  const at =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level} ${message}`);
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    enabled: () => true,
    named: () => logger,
  };
  return logger;
}

/** A bare socket to a port, with all that comes over it. */
export class RawClient {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  readonly #closed: Promise<void>;
  #wake = (): void => {};

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.#closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  get received(): Buffer {
    return this.#received;
  }

  /** Waits until so many bytes have come. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#received.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#received;
  }

  /** Waits until the other side has closed. */
  closed(): Promise<void> {
    return this.#closed;
  }
}

/** Stands between two environments, sees and may change what passes. */
export class Middleman {
  readonly toServer: Buffer[] = [];
  readonly toClient: Buffer[] = [];
  /** Changes bytes on their way to the server. */
  change: (chunk: Buffer) => Buffer = (chunk) => chunk;
  port = 0;
  #isCut = false;
  /** What is held back, in order. */
  #held: (() => void)[] | null = null;
  #onNew: () => void = () => {};
  readonly #sockets: Socket[] = [];
  readonly #server = createServer((client) => {
    this.#sockets.push(client.on('error', () => {}));
    if (this.#held !== null) this.#onNew();
    this.#pass(() => {
      if (!client.destroyed) this.#join(client);
    });
  });
  readonly #target: number;

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    this.#sockets.push(server.on('error', () => {}));
    client.on('data', (chunk) => {
      this.toServer.push(chunk);
      this.#pass(() => server.write(this.change(Buffer.from(chunk))));
    });
    server.on('data', (chunk) => {
      this.toClient.push(chunk);
      this.#pass(() => client.write(chunk));
    });
    client.on('close', () => this.#pass(() => server.destroy()));
    server.on('close', () => this.#pass(() => client.destroy()));
  }

  constructor(target: number) {
    this.#target = target;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** As a link that is cut: nothing passes any more, no end either, and nobody else can connect. */
  cut(): void {
    this.#isCut = true;
    this.#server.close();
  }

  /** As a process that computes: nothing passes, and new connections are taken. Resolves when there were so many. */
  hold(connections: number): Promise<void> {
    this.#held ??= [];
    return new Promise((resolve) => {
      let seen = 0;
      this.#onNew = () => {
        if (++seen === connections) resolve();
      };
    });
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const pass of held) pass();
  }

  #pass(act: () => void): void {
    if (this.#isCut) return;
    if (this.#held === null) act();
    else this.#held.push(act);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
