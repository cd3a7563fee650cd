import type { DriverState } from '../../src/protocol/deploy-states.ts';
import type { DriverStatusResponse } from '../../src/protocol/master-client.ts';

/** What a master says of a driver; an error is thrown. */
export type Said = DriverState | 'unknown' | Error | { readonly state: DriverState; readonly exception: string };

export function statusOf(said: Said): DriverStatusResponse {
  if (said instanceof Error) throw said;
  if (said === 'unknown')
    return { found: false, state: null, workerId: null, workerHostPort: null, workerWebUiUrl: null, exception: null };
  const { state, exception } = typeof said === 'string' ? { state: said, exception: null } : said;
  const placed = state !== 'SUBMITTED';
  return {
    found: true,
    state,
    workerId: placed ? 'worker-a' : null,
    workerHostPort: placed ? 'host-a:7000' : null,
    workerWebUiUrl: placed ? 'http://host-a:8081' : null,
    exception,
  };
}
