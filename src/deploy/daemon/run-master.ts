import { systemClock } from '../../base/clock.ts';
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { UI_REVERSE_PROXY, UI_REVERSE_PROXY_URL } from '../../config/access-entries.ts';
import type { Environment } from '../../config/conf-file.ts';
import { MASTER_REST_HOST } from '../../config/rest-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { MasterStateResponse } from '../../protocol/master-client.ts';
import { resolveSecurity } from '../../rpc/security.ts';
import { type AskTheMaster, startMasterWebUi } from '../../ui/master/master-web-ui.ts';
import { startMaster } from '../master/master-loop.ts';
import { applicationSources, masterSource } from '../master/master-source.ts';
import { openRecovery } from '../recovery/open-recovery.ts';
import { checkRestSettings, startRestServer } from '../rest/rest-server.ts';
import type { MasterArguments } from './daemon-arguments.ts';
import { DaemonMetrics } from './daemon-metrics.ts';
import { checkMayListen, logLoopback, type RunningDaemon, undoing } from './running-daemon.ts';

/** Starts a master with its pages. @throws IskraError that says why it cannot be. Spark: Master.main, Master.onStart */
export async function runMaster(
  args: MasterArguments,
  env: Environment,
  log: Logger,
  /** Its own log; null when that goes to standard error. */
  logFile: string | null,
): Promise<RunningDaemon> {
  const { conf, host, bindAddress, port, publicHost, webUiPort } = args;
  const security = resolveSecurity(conf, { environment: env });
  checkRestSettings(conf);
  await checkMayListen('sparkMaster', bindAddress, security);
  if (args.loopbackByDefault) logLoopback(log);
  const metrics = await DaemonMetrics.open(conf, ['master', 'applications'], log);
  const pages = { conf, host: publicHost, bindAddress, port: webUiPort, logFile, metrics: metrics.pages, log };
  const webUi = await startMasterWebUi(pages);
  return undoing(webUi.stop, async () => {
    const { persistence, election } = await openRecovery(conf, log.named('Master'));
    const close = async (): Promise<void> => {
      await election.stop();
      await persistence.close();
    };
    const webUiUrl = addressOfPages(conf, webUi.url, log);
    const master = await undoing(close, async () => {
      try {
        return await startMaster({
          ...{ conf, host, bindAddress, port, webUiUrl, security, persistence, election, log },
        });
      } catch (error) {
        throw isTaken(error) ? busy(bindAddress, port, error) : error;
      }
    });
    return undoing(
      () => master.stop(),
      async () => {
        const ask: AskTheMaster = (type, request) => master.ask(type, request);
        const gateway = { conf, host, masterUrl: master.url, security, ask, log };
        const restHost = conf.get(MASTER_REST_HOST);
        const rest = await startRestServer({ ...gateway, bindAddress: restHost ?? bindAddress });
        webUi.serve(ask, rest?.url ?? null);
        let last: MasterStateResponse | null = null;
        /** What it was like at the end, when it cannot be asked any more. */
        const state = async (): Promise<MasterStateResponse | null> => {
          last = await ask('RequestMasterState', null).catch(() => last);
          return last;
        };
        metrics.start('master', async () => {
          const current = await state();
          return current && [masterSource(current)];
        });
        metrics.start('applications', async () => {
          const current = await state();
          return current && applicationSources(current, systemClock.now());
        });
        const finished = master.finished.then(async (end) => {
          await Promise.all([metrics.stop(), webUi.stop(), rest?.stop()]);
          return end;
        });
        return {
          url: master.url,
          webUiUrl: webUi.url,
          finished,
          stop: async () => {
            await metrics.stop(); // while there is a master to ask
            await master.stop();
            await finished;
          },
        };
      },
    );
  });
}

/** What workers link to. Spark: Master.onStart */
function addressOfPages(conf: SparkConf, own: string, log: Logger): string {
  if (!conf.get(UI_REVERSE_PROXY)) return own;
  const outer = conf.get(UI_REVERSE_PROXY_URL);
  const url = outer === undefined ? own : `${outer.replace(/\/+$/, '')}/`;
  log.info(`Spark Master is acting as a reverse proxy. Master, Workers and Applications UIs are available at ${url}`);
  return url;
}

function isTaken(error: unknown): boolean {
  if (!IskraError.is(error) || error.code !== 'RPC_BIND') return false;
  return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}

function busy(address: string, port: number, cause: unknown): IskraError {
  return new IskraError(
    'RPC_BIND',
    `Port ${port} of ${address} is taken, perhaps by another master: end that one, or choose another port with --port`,
    { cause, details: { address, port } },
  );
}
