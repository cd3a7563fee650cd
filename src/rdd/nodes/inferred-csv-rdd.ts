import { commonType } from '../../io/formats/csv-types.ts';
import type { CsvInputFormat, CsvType } from '../../protocol/file-formats.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource } from '../../protocol/stage-program.ts';
import type { JobRunner } from '../job-runner.ts';
import type { Preparable, PrepareOptions } from '../prepare-lineage.ts';
import { runPreparingJob, SharedPreparation } from '../shared-preparation.ts';
import { type FileListing, FileRDD } from './file-rdd.ts';

/** Rows of CSV files whose columns have types, which a job finds out before the first job that reads them. */
export class InferredCsvRDD extends FileRDD implements Preparable {
  /** The same files, as the types that their columns have. */
  readonly #types: FileRDD;
  readonly #inferring = new SharedPreparation();
  #inferred: readonly CsvType[] | null = null;

  constructor(
    id: RddId,
    callSite: string,
    path: string,
    samplingRatio: number,
    list: () => FileListing & { readonly format: CsvInputFormat },
  ) {
    super(id, callSite, 'FileScanRDD', path, list);
    this.#types = new FileRDD(id, callSite, 'FileScanRDD', path, () => {
      const { partitions, format } = list();
      return { partitions, format: { kind: 'csvTypes', csv: format, samplingRatio } };
    });
  }

  get isPrepared(): boolean {
    return this.#inferred !== null;
  }

  prepare(jobs: JobRunner, options: PrepareOptions): Promise<void> {
    if (this.isPrepared) return Promise.resolve();
    return this.#inferring.join(options.signal, async (signal) => {
      const partitions = Array.from({ length: this.#types.numPartitions }, (_, p) => p);
      const job = { ...options, callSite: this.callSite, signal };
      const found = await runPreparingJob(jobs, this.#types, { kind: 'collect' }, partitions, job);
      const types: (CsvType | null)[] = [];
      // Each partition gave a list of lists, as CsvTypesOf makes them.
      for (const split of (found as (CsvType | null)[][][]).flat())
        split.forEach((type, i) => {
          types[i] = commonType(types[i] ?? null, type);
        });
      this.#inferred = types.map((type) => type ?? 'string');
    });
  }

  override plan(): NodeSource {
    const source = super.plan();
    if (source.kind !== 'Files' || source.format.kind !== 'csv') return source;
    return { ...source, format: { ...source.format, types: this.#inferred } };
  }
}
