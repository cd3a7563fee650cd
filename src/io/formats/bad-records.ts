import { IskraError } from '../../base/errors.ts';
import type { FileSplit, ParseMode } from '../../protocol/file-formats.ts';
import { showPath } from '../file-system.ts';
import { openTextSplit } from '../text-input.ts';

const EXCERPT = 120;

export interface BadRecords {
  readonly mode: ParseMode;
  readonly corruptColumn: string;
}

/**
 * What to do with a line that is no record: gives what stands in its place, null when nothing does.
 *
 * @param index of the line in its split.
 * @throws IskraError INPUT_MALFORMED_RECORD under FAILFAST, with file and line.
 *
 * Spark: FailureSafeParser
 */
export function badRecord(
  options: BadRecords,
  split: FileSplit,
  index: number,
  line: string,
  why: string,
): Record<string, unknown> | null {
  switch (options.mode) {
    case 'PERMISSIVE':
      return { [options.corruptColumn]: line };
    case 'DROPMALFORMED':
      return null;
    case 'FAILFAST': {
      const number = linesBefore(split) + index + 1;
      const excerpt = line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
      throw new IskraError(
        'INPUT_MALFORMED_RECORD',
        `Malformed records are detected in record parsing: ${showPath(split.path)}, line ${number}: ${why}: ${JSON.stringify(excerpt)}. ` +
          'Parse Mode: FAILFAST. To process malformed records as null result, try setting the option "mode" as "PERMISSIVE", ' +
          'to leave them out as "DROPMALFORMED"',
        { details: { path: split.path, line: number } },
      );
    }
  }
}

/** Read only to number the line of an error: splits do not know of each other. */
function linesBefore(split: FileSplit): number {
  if (split.start === 0) return 0;
  const lines = openTextSplit({ ...split, start: 0, end: split.start });
  let n = 0;
  try {
    for (let batch = lines.next(); batch !== null; batch = lines.next()) n += batch.length;
  } finally {
    lines.close();
  }
  return n;
}
