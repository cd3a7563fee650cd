import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { oneOf } from './value-types.ts';

export const SUBMIT_DEPLOY_MODE: ConfigEntry<'client' | 'cluster'> = defineEntry({
  key: 'spark.submit.deployMode',
  type: oneOf('client', 'cluster'),
  default: 'client',
  doc: 'Where the driver runs: `client`, in the process that submits. Local masters know no other.',
  since: '0.1',
});
