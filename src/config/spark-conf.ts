import './all-entries.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { redactPairs } from '../base/redaction.ts';
import { allEntries, type ConfigEntry, entryOf, isKnownKey } from './config-entry.ts';
import { APP_ID, APP_NAME, MASTER } from './core-entries.ts';
import { REDACTION_REGEX } from './logging-entries.ts';
import { nearest } from './nearest-key.ts';
import { types, type ValueType } from './value-types.ts';

const EXECUTOR_ENV = 'spark.executorEnv.';

/** A value as programs may give it; it is kept as text. */
export type ConfValue = string | number | boolean;

/** Values by key. `master` and `appName` are short for `spark.master` and `spark.app.name`. */
export interface ConfValues {
  readonly master?: string | undefined;
  readonly appName?: string | undefined;
  readonly [key: string]: ConfValue | undefined;
}

/**
 * The settings of an application: text by key, read through typed entries.
 *
 * Keys that no entry declares are kept, since other programs may read them. Spark: SparkConf
 */
export class SparkConf {
  private readonly values = new Map<string, string>();

  /** @throws IllegalArgumentError for a key or value that cannot be kept; undefined values are left out. */
  constructor(values: ConfValues | Iterable<readonly [string, ConfValue]> = {}) {
    if (typeof values !== 'object' || values === null)
      throw new IllegalArgumentError(
        `settings must be an object such as { master: 'local[*]' }, but were ${values === null ? 'null' : typeof values}`,
      );
    this.setAll(values);
  }

  /** Sets one key, over any earlier value. */
  set(key: string, value: ConfValue): this {
    if (typeof key !== 'string' || key.trim() === '') {
      throw new IllegalArgumentError(`a config key must be a text that is not empty, but was ${JSON.stringify(key)}`);
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new IllegalArgumentError(
        `${key} should be a text, a number or a boolean, but was ${value === null ? 'null' : typeof value}`,
        { key },
      );
    }
    this.values.set(key, String(value));
    return this;
  }

  setIfMissing(key: string, value: ConfValue): this {
    return this.contains(key) ? this : this.set(key, value);
  }

  /** Sets where the application runs: `local[2]`, `spark://host:7077`. */
  setMaster(master: string): this {
    return this.set(MASTER.key, master);
  }

  setAppName(name: string): this {
    return this.set(APP_NAME.key, name);
  }

  setAll(values: ConfValues | Iterable<readonly [string, ConfValue]>): this {
    const pairs = Symbol.iterator in values ? (values as Iterable<[string, ConfValue]>) : Object.entries(values);
    for (const [key, value] of pairs) {
      const full = key === 'master' ? MASTER.key : key === 'appName' ? APP_NAME.key : key;
      if (value !== undefined) this.set(full, value);
    }
    return this;
  }

  remove(key: string): this {
    this.values.delete(key);
    return this;
  }

  /** True when the key, or an older name of it, is set; defaults do not count. */
  contains(key: string | ConfigEntry<unknown>): boolean {
    return this.lookUp(key) !== undefined;
  }

  /**
   * The entry's value: what is set, under its key or an older name, else its fallback's, else its default.
   *
   * @throws IllegalArgumentError that names key, value and expected form.
   */
  get<T>(entry: ConfigEntry<T>): T;
  /**
   * The text that the key was set to; defaults that keys have do not count.
   *
   * @throws IskraError NO_SUCH_SETTING when it is not set, and there is no `otherwise`.
   */
  get(key: string, otherwise?: string): string;
  get<T>(entry: ConfigEntry<T> | string, otherwise?: string): T | string {
    return typeof entry === 'string' ? this.textOf(entry, otherwise) : this.valueOf(entry);
  }

  private valueOf<T>(entry: ConfigEntry<T>): T {
    const text = this.lookUp(entry);
    if (text !== undefined) return readValue(entry, this.substitute(text, entry.key));
    if (entry.fallback) return this.valueOf(entry.fallback);
    return entry.default as T; // an entry without default is declared as ConfigEntry<T | undefined>
  }

  /** The text a key was set to, also for keys that nothing declares; no default. */
  getText(key: string): string | undefined {
    return this.lookUp(key);
  }

  /** The text of a key; null: it is not set. */
  getOption(key: string): string | null {
    return this.lookUp(key) ?? null;
  }

  getBoolean(key: string, otherwise: boolean): boolean {
    return this.read(key, types.boolean) ?? otherwise;
  }

  getInt(key: string, otherwise: number): number {
    return this.read(key, types.int) ?? otherwise;
  }

  getLong(key: string, otherwise: number): number {
    return this.read(key, types.long) ?? otherwise;
  }

  getDouble(key: string, otherwise: number): number {
    return this.read(key, types.double) ?? otherwise;
  }

  /** Text without a unit counts ms. */
  getTimeAsMs(key: string, otherwise?: string): number {
    return this.quantityOf(key, types.durationMs, otherwise, 1);
  }

  /** Text without a unit counts seconds; what is left over is cut off, as with the sizes below. */
  getTimeAsSeconds(key: string, otherwise?: string): number {
    return this.quantityOf(key, types.durationSeconds, otherwise, 1000);
  }

  getSizeAsBytes(key: string, otherwise?: string): number {
    return this.quantityOf(key, types.bytes, otherwise, 1);
  }

  getSizeAsKb(key: string, otherwise?: string): number {
    return this.quantityOf(key, types.kib, otherwise, 1024);
  }

  getSizeAsMb(key: string, otherwise?: string): number {
    return this.quantityOf(key, types.mib, otherwise, 1024 ** 2);
  }

  getSizeAsGb(key: string, otherwise?: string): number {
    return this.quantityOf(key, types.gib, otherwise, 1024 ** 3);
  }

  /** What is set below a prefix, which is left out of the keys. */
  getAllWithPrefix(prefix: string): [string, string][] {
    return this.getAll().flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : []));
  }

  /** The application's id, once it has one. */
  getAppId(): string {
    return this.get(APP_ID.key);
  }

  /** A variable of executors' environment. */
  setExecutorEnv(name: string, value: string): this {
    return this.set(`${EXECUTOR_ENV}${name}`, value);
  }

  getExecutorEnv(): [string, string][] {
    return this.getAllWithPrefix(EXECUTOR_ENV);
  }

  /** `key=value` lines without secrets, sorted by key. */
  toDebugString(): string {
    const pairs = redactPairs(this.get(REDACTION_REGEX), this.getAll());
    return pairs.map(([key, value]) => `${key}=${value}`).join('\n');
  }

  /** Everything that is set, sorted by key. */
  getAll(): [string, string][] {
    return [...this.values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  clone(): SparkConf {
    return new SparkConf(this.values);
  }

  /** Reads every declared key that is set, so that a bad value is found before anything has started. */
  checkAll(): void {
    for (const entry of allEntries()) this.get(entry);
  }

  /** `spark.*` keys that nothing declares, each with the declared key its writer may have meant. */
  unknownKeys(): { key: string; nearest: string | undefined }[] {
    const unknown = [...this.values.keys()].filter((key) => key.startsWith('spark.') && !isKnownKey(key)).sort();
    if (unknown.length === 0) return [];
    const known = allEntries().map((entry) => entry.key);
    return unknown.map((key) => ({ key, nearest: nearest(key, known) }));
  }

  /** Older names that are in use, each with the key to use instead. */
  deprecatedKeys(): { key: string; instead: string }[] {
    const found: { key: string; instead: string }[] = [];
    for (const key of [...this.values.keys()].sort()) {
      const entry = entryOf(key);
      if (entry && entry.key !== key) found.push({ key, instead: entry.key });
    }
    return found;
  }

  private textOf(key: string, otherwise: string | undefined): string {
    const text = this.lookUp(key) ?? otherwise;
    if (text === undefined)
      throw new IskraError(
        'NO_SUCH_SETTING',
        `${key} is not set; set it, or say what to take otherwise: get(key, otherwise)`,
      );
    return text;
  }

  private read<T>(key: string, type: ValueType<T>): T | undefined {
    const text = this.lookUp(key);
    return text === undefined ? undefined : readValue({ key, type }, text);
  }

  private quantityOf(key: string, type: ValueType<number>, otherwise: string | undefined, unit: number): number {
    return Math.trunc(readValue({ key, type }, this.textOf(key, otherwise)) / unit);
  }

  private lookUp(keyOrEntry: string | ConfigEntry<unknown>): string | undefined {
    const key = typeof keyOrEntry === 'string' ? keyOrEntry : keyOrEntry.key;
    const text = this.values.get(key);
    if (text !== undefined) return text;
    const entry = typeof keyOrEntry === 'string' ? entryOf(key) : keyOrEntry;
    if (entry?.key !== key) return undefined;
    for (const older of entry.alternatives ?? []) {
      const value = this.values.get(older);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Replaces `${spark.other.key}`; what is not set stays as it is written. Spark: ConfigReader.substitute */
  private substitute(text: string, key: string, path: readonly string[] = []): string {
    if (!text.includes('${')) return text;
    if (path.includes(key)) {
      throw new IllegalArgumentError(`Circular reference in ${text}: ${[...path, key].join(' -> ')}`, { key });
    }
    return text.replace(/\$\{(spark\.[^}]+)\}/g, (reference, other: string) => {
      const entry = entryOf(other);
      const value = this.lookUp(other) ?? (entry?.default === undefined ? undefined : entry.type.show(entry.default));
      return value === undefined ? reference : this.substitute(value, other, [...path, key]);
    });
  }
}

/** Reads one value through its entry, or says what is wrong with it. */
function readValue<T>(entry: Pick<ConfigEntry<T>, 'key' | 'type' | 'check'>, text: string): T {
  const value = entry.type.parse(text.trim());
  if (value === undefined) {
    throw new IllegalArgumentError(
      `${entry.key} should be ${entry.type.name}, but was ${text}: give ${entry.type.form}`,
      {
        key: entry.key,
        value: text,
        expected: entry.type.form,
      },
    );
  }
  const complaint = entry.check?.(value);
  if (complaint !== undefined) {
    throw new IllegalArgumentError(`'${text}' in ${entry.key} is invalid. It ${complaint}`, {
      key: entry.key,
      value: text,
      expected: complaint,
    });
  }
  return value;
}
