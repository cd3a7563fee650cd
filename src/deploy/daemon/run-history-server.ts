import { lookup } from 'node:dns/promises';
import type { Logger } from '../../base/logger.ts';
import { startHistoryServer } from '../../history/history-server.ts';
import type { HistoryServerArguments } from './daemon-arguments.ts';
import type { RunningDaemon } from './running-daemon.ts';

/** Starts a history server. @throws IskraError that says why it cannot be. Spark: HistoryServer.main */
export async function runHistoryServer(args: HistoryServerArguments, log: Logger): Promise<RunningDaemon> {
  const { conf, bindAddress, port, publicHost, loopbackByDefault } = args;
  if (loopbackByDefault)
    log.info('Listening on localhost only. For others to reach it give --host: its pages ask nobody for a secret');
  else if (!(await isLoopback(bindAddress)))
    log.warn(
      `Pages ask nobody for a secret: whoever reaches ${bindAddress} can read what applications did, their settings (but for what spark.redaction.regex hid) and their logs`,
    );
  const server = await startHistoryServer({ conf, host: publicHost, bindAddress, port, log });
  let ended = (): void => {};
  const finished = new Promise<{ readonly code: number; readonly message: string }>((resolve) => {
    ended = () => resolve({ code: 0, message: 'History server stopped' });
  });
  return {
    url: server.url,
    webUiUrl: server.url,
    finished,
    stop: async () => {
      await server.stop();
      ended();
    },
  };
}

async function isLoopback(host: string): Promise<boolean> {
  try {
    const { address } = await lookup(host);
    return address === '::1' || address.startsWith('127.');
  } catch {
    return false; // whoever listens says what is wrong with it
  }
}
