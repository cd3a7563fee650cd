import type { EpochMs } from '../../base/clock.ts';
import type { MasterStateResponse } from '../../protocol/master-client.ts';
import type { Gauges } from '../metrics.ts';

/** Spark: MasterSource */
export function masterGauges({ workers, activeApps }: MasterStateResponse): Gauges {
  return {
    'master.workers': workers.length,
    'master.aliveWorkers': workers.filter(({ state }) => state === 'ALIVE').length,
    'master.apps': activeApps.length,
    'master.waitingApps': activeApps.filter(({ state }) => state === 'WAITING').length,
  };
}

/** Of those that have not ended. Spark: ApplicationSource */
export function applicationGauges({ activeApps }: MasterStateResponse, now: EpochMs): Gauges {
  const gauges: Record<string, number | string> = {};
  for (const { app, startedAt, state, coresGranted } of activeApps) {
    const source = `application.${app.name}.${startedAt}`;
    gauges[`${source}.status`] = state;
    gauges[`${source}.runtime_ms`] = now - startedAt;
    gauges[`${source}.cores`] = coresGranted;
  }
  return gauges;
}
