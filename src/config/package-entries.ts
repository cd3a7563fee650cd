// How an application's modules and packages get to executors and drivers on other machines.
import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { oneOf, positive, types } from './value-types.ts';

export const JARS_PACKAGES: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.jars.packages',
  type: types.list,
  default: [],
  doc: 'npm packages that `iskra submit` installs for the application, `NAME@VERSION` with commas between them; `--packages`. Their scripts are not run.',
  since: '0.2',
});

export const JARS_REPOSITORIES: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.jars.repositories',
  type: types.text,
  defaultText: "npm's own",
  doc: 'The registry that `spark.jars.packages` come from; `--repositories`.',
  since: '0.2',
});

export const PACKAGE_SHIP: ConfigEntry<'auto' | 'always' | 'never'> = defineEntry({
  key: 'spark.iskra.package.ship',
  type: oneOf('auto', 'always', 'never'),
  default: 'auto',
  doc: "Whether executors get copies of the application's modules and added files from the driver: `auto`, those that do not see the driver's files; `always`; `never`, modules are imported by the driver's paths.",
  since: '0.2',
});

export const PACKAGE_INCLUDE: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.iskra.package.include',
  type: types.list,
  default: [],
  doc: "Files that belong to the application besides the modules it imports, as paths relative to its package's folder with `*`, `**` and `?`, with commas between them: data that modules read, modules that are imported by computed names.",
  since: '0.2',
});

export const PACKAGE_MAX_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.package.maxSize',
  type: types.bytes,
  default: 2 * 1024 ** 3,
  check: positive,
  doc: 'What an application with all its packages, and in cluster mode its files and archives, may take; for a master, what one part may.',
  since: '0.2',
});

export const PACKAGE_MAX_READERS: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.package.maxReaders',
  type: types.int,
  default: 8,
  check: positive,
  doc: 'How many executors or workers fetch parts of applications from one driver or master at the same time; others wait.',
  since: '0.2',
});

export const PACKAGE_CACHE_DIR: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.iskra.package.cacheDir',
  type: types.text,
  defaultText: '`~/.cache/iskra/packages`',
  doc: "Where whoever submits keeps packed parts. A worker's executors and drivers share `cache` in its work directory.",
  since: '0.2',
});

export const PACKAGE_CACHE_TTL: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.package.cacheTtl',
  type: types.durationSeconds,
  default: 7 * 24 * 3_600_000,
  check: positive,
  doc: 'How long parts and trees of applications stay in a cache that nobody uses; a master keeps those that a driver needs.',
  since: '0.2',
});

export const PACKAGE_CACHE_MAX_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.package.cacheMaxSize',
  type: types.bytes,
  default: 10 * 1024 ** 3,
  check: positive,
  doc: 'What parts may take in a cache; above it those go first that were not used for the longest time, but for the last hour.',
  since: '0.2',
});
