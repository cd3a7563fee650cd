import type { MasterToWorker } from '../../protocol/master-worker.ts';

/** What only the active master may order, in the log's words. */
export const ORDERS: ReadonlyMap<MasterToWorker['type'], string> = new Map([
  ['LaunchExecutor', 'launch executor'],
  ['KillExecutor', 'kill executor'],
  ['LaunchDriver', 'launch driver'],
  ['KillDriver', 'kill driver'],
  ['ApplicationFinished', 'end an application'],
  ['DecommissionWorker', 'decommission this worker'],
]);

/** An id that comes from the network and becomes part of a path. */
export const SAFE_ID: RegExp = /^(?!\.)[\w.-]{1,200}$/;
