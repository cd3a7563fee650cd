import { execFile } from 'node:child_process';
import { IskraError } from './errors.ts';

/**
 * Runs a command to its end.
 *
 * @param timeoutMs then it is killed.
 * @returns what it wrote to standard output.
 * @throws IskraError `COMMAND_FAILED` when it cannot be run, takes too long, or exits with another code than 0.
 */
export function runCommand(command: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 << 20 } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new IskraError('COMMAND_FAILED', `${command} ${whatHappened(error, timeoutMs)}${lastWords(stderr)}`));
    }).stdin?.end();
  });
}

function whatHappened(
  error: { code?: unknown; killed?: boolean | undefined; message: string },
  timeoutMs: number,
): string {
  if (typeof error.code === 'number') return `exited with code ${error.code}`;
  if (error.killed === true && error.code === null) return `did not end within ${timeoutMs} ms`;
  return `could not be run: ${error.message}`;
}

function lastWords(stderr: string): string {
  const text = stderr.trim().slice(-1000);
  return text === '' ? '' : `; it wrote: ${text}`;
}
