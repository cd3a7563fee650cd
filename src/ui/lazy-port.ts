// A port that is open from the start, and whose pages are loaded when somebody asks for the first one.
import { createServer, type Socket } from 'node:net';
import { bindPort, type PortOptions } from './bind-port.ts';
import type { RunningHttpServer, Serving } from './http-server.ts';

export interface LazyPortOptions extends PortOptions {
  /** Where it listens: a name or an address. */
  readonly bindAddress: string;
  /** Loads what answers. Called once, for the first connection. */
  readonly load: () => Promise<Serving>;
}

export interface LazyPort {
  readonly port: number;
  /** Answers what was asked, for at most a second, and ends. Twice is fine. */
  close(): Promise<void>;
}

/**
 * Listens, with little more than a socket. Neither it nor those who come keep the process from ending.
 *
 * @throws IskraError `HTTP_BIND` when no port is free.
 */
export async function openLazyPort(options: LazyPortOptions): Promise<LazyPort> {
  const { bindAddress, service, log } = options;
  // As a server of HTTP has its sockets; but nothing is read before it is there.
  const listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  const waiting: Socket[] = [];
  let loading: Promise<RunningHttpServer | null> | null = null;
  let closed = false;
  const refuse = (): null => {
    listener.close();
    for (const socket of waiting) socket.destroy();
    return null;
  };
  const load = async (): Promise<RunningHttpServer | null> => {
    try {
      const [{ takeOver }, serving] = await Promise.all([import('./http-server.ts'), options.load()]);
      return closed ? refuse() : takeOver(listener, waiting, port, serving);
    } catch (error) {
      log.error(`${service}: the pages cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
      return refuse();
    }
  };
  listener.on('connection', (socket: Socket) => {
    socket.on('error', () => {}); // whoever has gone before he was answered
    waiting.push(socket);
    loading ??= load();
  });
  const port = await bindPort(listener, bindAddress, options);
  listener.unref();
  return {
    port,
    async close() {
      closed = true;
      if (loading === null) listener.close();
      else await (await loading)?.close();
    },
  };
}
