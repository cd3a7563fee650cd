import { codecByName } from '../io/codecs/codec-names.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import { saveAsFiles } from './save-as-files.ts';
import type { Site } from './site.ts';

// What the saveAs… methods do.

/** `gzip`, `deflate`, `zstd`, `lz4`, `snappy`, or Hadoop's class: `org.apache.hadoop.io.compress.GzipCodec`. */
export interface SaveOptions extends ActionOptions {
  readonly codec?: string;
}

/** The second argument of saves: a codec, as Spark has it, or options. */
export function saveOptions<O extends SaveOptions>(given: string | O | undefined): O | SaveOptions {
  if (given === undefined || given === null) return {};
  return typeof given === 'string' ? { codec: given } : given;
}

export function saveAsTextFile(at: Site, path: string, given: string | SaveOptions | undefined): FutureAction<void> {
  const options = saveOptions(given);
  return saveAsFiles(at, path, { kind: 'text', codec: codecByName(options.codec, at.operator) }, options);
}
