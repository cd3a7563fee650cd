import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import type { MetricsSnapshot } from '../metrics-snapshot.ts';
import type { MetricsSink, SinkOptions } from '../sink.ts';
import { DISTRIBUTION, plain, type RATES } from './fields.ts';

/** A line for the file of one metric. */
export interface CsvRow {
  /** `app-1.driver.DAGScheduler.job.allJobs.csv` */
  readonly file: string;
  readonly header: string;
  readonly row: string;
}

/** Spark: CsvSink.CSV_DEFAULT_DIR */
const DEFAULT_DIRECTORY = '/tmp/';

/** What a name of a file may have, in characters: systems take 255 bytes. */
const LONGEST_NAME = 200;

/** A line a metric; `t` is in seconds. Dropwizard: CsvReporter */
export function csvRows({ at, gauges, counters, histograms, meters, timers }: MetricsSnapshot): CsvRow[] {
  const rows: CsvRow[] = [];
  const t = Math.floor(at / 1000);
  const add = (name: string, columns: readonly string[], values: readonly string[]): void => {
    rows.push({ file: fileOf(name), header: ['t', ...columns].join(','), row: [t, ...values].join(',') });
  };
  for (const [name, value] of Object.entries(gauges))
    add(name, ['value'], [typeof value === 'number' ? plain(value) : quoted(value)]);
  for (const [name, count] of Object.entries(counters)) add(name, ['count'], [plain(count)]);
  for (const [name, values] of Object.entries(histograms))
    add(
      name,
      ['count', ...DISTRIBUTION],
      [
        plain(values.count),
        ...DISTRIBUTION.map((field) =>
          (field === 'max' || field === 'min') && Number.isInteger(values[field])
            ? plain(values[field])
            : values[field].toFixed(6),
        ),
      ],
    );
  const rates = ['mean_rate', 'm1_rate', 'm5_rate', 'm15_rate'] as const satisfies typeof RATES;
  for (const [name, values] of Object.entries(meters))
    add(
      name,
      ['count', ...rates, 'rate_unit'],
      [plain(values.count), ...rates.map((field) => values[field].toFixed(6)), 'events/second'],
    );
  for (const [name, values] of Object.entries(timers))
    add(
      name,
      ['count', ...DISTRIBUTION, ...rates, 'rate_unit', 'duration_unit'],
      [
        plain(values.count),
        ...[...DISTRIBUTION, ...rates].map((field) => values[field].toFixed(6)),
        ...['calls/second', 'milliseconds'],
      ],
    );
  return rows;
}

/** Names have parts that users chose, such as that of an application: none of them leads out of the directory. */
function fileOf(name: string): string {
  return `${name.replace(/[/\\\0]/g, '_').slice(0, LONGEST_NAME)}.csv`;
}

function quoted(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file for each metric, to which lines are appended. Spark: CsvSink */
export class CsvSink implements MetricsSink {
  readonly #directory: string;

  constructor({ options }: SinkOptions) {
    this.#directory = options['directory'] || DEFAULT_DIRECTORY;
  }

  async report(snapshot: MetricsSnapshot): Promise<void> {
    makeDirectory(this.#directory);
    for (const { file, header, row } of csvRows(snapshot)) await append(join(this.#directory, file), header, row);
  }
}

/** The directory may be one in which others could lay a link under the name of the file. */
const FLAGS: number = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

async function append(path: string, header: string, row: string): Promise<void> {
  const file = await open(path, FLAGS, 0o644);
  try {
    const isNew = (await file.stat()).size === 0;
    await file.appendFile(isNew ? `${header}\n${row}\n` : `${row}\n`);
  } finally {
    await file.close();
  }
}
