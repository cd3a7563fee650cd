// Settings of the external shuffle service, and of those who use it.
import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { aPort, oneOf, positive, types } from './value-types.ts';

export const SHUFFLE_SERVICE_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.service.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether a service on each host serves the map outputs of executors, so that they outlive their executor. A worker for which it is true runs the service; for an application it says that its executors use it. In `local-cluster` the driver runs one. Local masters have none.',
  since: '0.2',
});

export const SHUFFLE_SERVICE_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.service.port',
  type: types.int,
  default: 7337,
  check: aPort,
  doc: 'The port of the shuffle service: the same on all hosts, for services and applications. The one in `local-cluster` takes any free port.',
  since: '0.2',
});

export const SHUFFLE_SERVICE_OWN_PROCESS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.iskra.shuffle.service.ownProcess',
  type: types.boolean,
  default: false,
  doc: 'Whether the shuffle service of a worker with `spark.shuffle.service.enabled` is `iskra shuffle-service` on its machine: the worker starts none, and tells that one what it has to know.',
  since: '0.2',
});

export const SHUFFLE_SERVICE_DB_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.service.db.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether a shuffle service keeps on disk which executors have registered, so that it serves them after a restart: in the work directory of its worker, or as a process of its own in the first directory of `spark.local.dir`, which has to be set for that.',
  since: '0.2',
});

export const SHUFFLE_SERVICE_DB_BACKEND: ConfigEntry<'LEVELDB' | 'ROCKSDB'> = defineEntry({
  key: 'spark.shuffle.service.db.backend',
  type: oneOf('LEVELDB', 'ROCKSDB'),
  default: 'ROCKSDB',
  doc: 'The database for `spark.shuffle.service.db.enabled`. Accepted; a small file is kept for each executor.',
  since: '0.2',
});

export const SHUFFLE_SERVICE_REMOVE_SHUFFLE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.service.removeShuffle',
  type: types.boolean,
  default: true,
  doc: 'Whether the map outputs of executors that are gone are removed, by the shuffle service, as soon as nobody needs the shuffle; else they go with the application.',
  since: '0.2',
});

export const SHUFFLE_SERVICE_FETCH_RDD_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.service.fetch.rdd.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether the shuffle service serves cached partitions that lie on disk, so that they outlive their executor, and executors that hold only such ones count as idle.',
  since: '0.2',
});

export const SHUFFLE_HOST_LOCAL_DISK_READING_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.readHostLocalDisk',
  type: types.boolean,
  default: true,
  doc: 'Whether executors read the map outputs of others on their host from disk, where a shuffle service knows the files, instead of having the service send them.',
  since: '0.2',
});

export const SHUFFLE_REGISTRATION_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.registration.timeout',
  type: types.durationMs,
  default: 5000,
  check: positive,
  doc: 'How long an executor waits for an answer when it registers with the shuffle service of its host.',
  since: '0.2',
});

export const SHUFFLE_REGISTRATION_MAX_ATTEMPTS: ConfigEntry<number> = defineEntry({
  key: 'spark.shuffle.registration.maxAttempts',
  type: types.int,
  default: 3,
  check: positive,
  doc: 'How often it tries that, 5 seconds apart, before it gives up and ends.',
  since: '0.2',
});
