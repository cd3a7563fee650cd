import type { Logger } from '../base/logger.ts';
import { messageOf } from './errors.ts';
import type { ExecutorAllocationClient } from './ports.ts';
import type { TaskEffect } from './task-effects.ts';

type Kill = Extract<TaskEffect, { type: 'KillExecutor' | 'KillExecutorsOnHost' }>;

/** Does away with excluded executors, where somebody can. Spark: HealthTracker.killExecutor, killExecutorsOnExcludedNode */
export function killExcluded(kill: Kill, client: ExecutorAllocationClient | undefined, log: Logger): void {
  const failed = (what: string) => (error: unknown) => log.error(`${what} failed: ${messageOf(error)}`);
  if (kill.type === 'KillExecutor') {
    const { executorId, decommission, message } = kill;
    if (client === undefined) {
      const what = `Not attempting to kill excluded executor id ${executorId}`;
      log.info(`${what} since allocation client is not defined.`);
      return;
    }
    log.info(message);
    const killing = decommission
      ? client.decommissionExecutors([executorId], { adjustTarget: false, message })
      : client.killExecutors([executorId], { adjustTarget: false, force: true });
    killing.catch(failed(`Killing executor ${executorId}`));
    return;
  }
  const { host, decommission } = kill;
  if (client === undefined) {
    const what = `Not attempting to kill executors on excluded host ${host}`;
    log.warn(`${what} since allocation client is not defined.`);
    return;
  }
  const doing = decommission ? 'Decommissioning' : 'Killing';
  log.info(
    `${doing} all executors on excluded host ${host} since spark.excludeOnFailure.killExcludedExecutors is set.`,
  );
  const killing = decommission ? client.decommissionExecutorsOnHost(host) : client.killExecutorsOnHost(host);
  killing.then(
    (ok) => {
      if (!ok) log.error(`${doing} executors on ${host} failed.`);
    },
    failed(`${doing} executors on ${host}`),
  );
}
