import type { StatusLine } from '../base/stderr-logger.ts';
import type { ProgressTerminal } from './console-progress.ts';

/** The parts of a standard stream that matter here. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(...args: unknown[]): boolean;
}

/** Bars are for people at a terminal that can move its cursor: not for files, pipes, build servers. */
export function canShowProgress(stderr: TerminalStream, env: Readonly<Record<string, string | undefined>>): boolean {
  return stderr.isTTY === true && env['TERM'] !== 'dumb' && !env['CI'] && !env['NO_COLOR'];
}

/** Writes by the stream's present `write`, also when the stream is given another one, as `printAbove` does. */
export function progressTerminal(stderr: TerminalStream): ProgressTerminal {
  const write = stderr.write;
  // Some pseudo-terminals say that they are 0 wide.
  return { write: (text) => void write.call(stderr, text), columns: () => stderr.columns || 80 };
}

/**
 * Lets what the program prints appear above the status line, when both go to a terminal.
 *
 * @returns a function that gives the stream its own `write` back.
 */
export function printAbove(status: StatusLine, stream: TerminalStream): () => void {
  if (stream.isTTY !== true) return () => {};
  const write = stream.write;
  // A line that is not ended yet would be overwritten by the bars: they wait for its end.
  stream.write = (...args) => {
    status.hide();
    const written = write.apply(stream, args);
    const text = args[0];
    if (typeof text !== 'string' || text.endsWith('\n')) status.show();
    return written;
  };
  return () => {
    stream.write = write;
  };
}
