import { errorToData, IllegalArgumentError } from '../base/errors.ts';
import { loadFunction } from '../base/load-function.ts';
import type { Logger } from '../base/logger.ts';
import { gauge, type Metric } from './instruments.ts';
import type { MetricsPart } from './metrics-config.ts';
import type { Source } from './metrics-snapshot.ts';

/** A source with what it holds. */
export interface OpenSource extends Source {
  close?(): void;
}

const JVM_SOURCE = /^(?:org\.apache\.spark\.metrics\.source\.)?JvmSource$/;

/**
 * Makes the sources that lines name.
 *
 * @param prefix how their lines begin: `driver`.
 * @throws IllegalArgumentError, IskraError naming the line that is wrong.
 */
export async function openSources(prefix: string, parts: readonly MetricsPart[], log: Logger): Promise<OpenSource[]> {
  const sources: OpenSource[] = [];
  for (const { name, className } of parts) {
    const key = `${prefix}.source.${name}.class`;
    if (JVM_SOURCE.test(className)) sources.push(new (await import('./process-source.ts')).ProcessSource());
    else if (/^org\.apache\.spark\./.test(className))
      throw new IllegalArgumentError(
        `${key}=${className} is no source that is known here: use org.apache.spark.metrics.source.JvmSource, or the path of a module with a function readMetrics`,
      );
    else {
      const read = await loadFunction(key, className, 'readMetrics()', 'METRICS_SOURCE');
      sources.push(new CustomSource(name, read, (why) => log.warn(`${key}=${className}: ${why}; this is said once`)));
    }
  }
  return sources;
}

/** Numbers and texts of somebody else's making, by name, asked for at each report. */
class CustomSource implements OpenSource {
  readonly name: string;
  readonly #read: () => unknown;
  readonly #warn: (why: string) => void;
  #warned = false;

  constructor(name: string, read: () => unknown, warn: (why: string) => void) {
    this.name = name;
    this.#read = read;
    this.#warn = warn;
  }

  get metrics(): Readonly<Record<string, Metric>> {
    const values: Record<string, Metric> = {};
    for (const [name, value] of Object.entries(this.#values()))
      if (typeof value === 'number' || typeof value === 'string') values[name] = gauge(() => value);
    return values;
  }

  #values(): object {
    let why = 'readMetrics gave no object of numbers';
    try {
      const read = this.#read();
      if (typeof read === 'object' && read !== null) return read;
    } catch (error) {
      why = `readMetrics failed: ${errorToData(error).message}`;
    }
    if (!this.#warned) this.#warn(why);
    this.#warned = true;
    return {};
  }
}
