import { prepareInput } from '../io/open-files.ts';
import { prepareOutput } from '../io/open-record-writer.ts';
import type { StageProgram } from '../protocol/stage-program.ts';

/**
 * Loads the packages that a program's files need and that can only be awaited; its tasks are synchronous. Null for nearly all
 * programs.
 */
export function prepareFiles(program: StageProgram): Promise<unknown> | null {
  const waits: Promise<void>[] = [];
  for (const node of program.nodes) {
    const wait = node.kind === 'Files' ? prepareInput(node.format) : null;
    if (wait !== null) waits.push(wait);
  }
  const wait = program.sink.kind === 'saveFiles' ? prepareOutput(program.sink.format) : null;
  if (wait !== null) waits.push(wait);
  return waits.length === 0 ? null : Promise.all(waits);
}
