import type { EpochMs } from '../../base/clock.ts';
import { gauge } from '../../metrics/instruments.ts';
import type { Source } from '../../metrics/metrics-snapshot.ts';
import type { MasterStateResponse } from '../../protocol/master-client.ts';

/** Spark: MasterSource */
export function masterSource({ workers, activeApps }: MasterStateResponse): Source {
  return {
    name: 'master',
    metrics: {
      workers: gauge(() => workers.length),
      aliveWorkers: gauge(() => workers.filter(({ state }) => state === 'ALIVE').length),
      apps: gauge(() => activeApps.length),
      waitingApps: gauge(() => activeApps.filter(({ state }) => state === 'WAITING').length),
    },
  };
}

/** Of applications that have not ended. Spark: ApplicationSource */
export function applicationSources({ activeApps }: MasterStateResponse, now: EpochMs): Source[] {
  return activeApps.map(({ app, startedAt, state, coresGranted }) => ({
    name: `application.${app.name}.${startedAt}`,
    metrics: {
      status: gauge(() => state),
      runtime_ms: gauge(() => now - startedAt),
      cores: gauge(() => coresGranted),
    },
  }));
}
