import { readFileSync } from 'node:fs';
import { IskraError } from '../base/errors.ts';
import { METRICS_CONF } from '../config/metrics-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { linesOfConf } from './metrics-config.ts';

/** Lines by key. @throws IskraError METRICS_FILE when it cannot be read. */
export async function readMetricsFile(path: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new IskraError(
      'METRICS_FILE',
      `Error loading configuration file ${path}, which ${METRICS_CONF.key} names: ${(cause as Error).message}`,
      { cause, details: { path } },
    );
  }
  const { parse } = await import('dot-properties');
  return Object.fromEntries(Object.entries(parse(text)).map(([key, value]) => [key, String(value)]));
}

/** What settings say about metrics, the earlier ones losing. @throws IskraError METRICS_FILE */
export async function metricsLayers(conf: SparkConf): Promise<readonly Readonly<Record<string, string>>[]> {
  const file = conf.get(METRICS_CONF);
  return [...(file === undefined || file === '' ? [] : [await readMetricsFile(file)]), linesOfConf(conf)];
}
