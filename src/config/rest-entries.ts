// Settings of the gateway by which applications are submitted over HTTP.
import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { types } from './value-types.ts';

export const MASTER_REST_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.master.rest.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether a master takes submissions over HTTP, and `iskra submit` in cluster mode sends them so. Whoever reaches that port can run code; it knows no secrets, so a master with `spark.authenticate` refuses to open it.',
  since: '0.2',
});

export const MASTER_REST_HOST: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.master.rest.host',
  type: types.text,
  defaultText: "the master's host",
  doc: 'The name or address on which that gateway listens.',
  since: '0.2',
});

export const MASTER_REST_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.master.rest.port',
  type: types.int,
  default: 6066,
  check: (value) => (value >= 0 && value <= 65_535 ? undefined : 'must be between 0 and 65535'),
  doc: 'Its port.',
  since: '0.2',
});
