import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorData, errorToData, IskraError } from './errors.ts';

/** Everything below this folder is Iskra's own, also when its files are joined into bundles. */
const OWN_URL = `${dirname(dirname(import.meta.url))}/`;
const OWN_PATH = fileURLToPath(OWN_URL);

/** A stack's head (the message, which may have lines that look like frames) and its frames, a line each. */
export function splitStack(stack: string, message: string): { readonly head: string; readonly frames: string[] } {
  const at = message === '' ? -1 : stack.indexOf(message);
  const from = at < 0 ? 0 : at + message.length;
  const first = /\n\s+at /.exec(stack.slice(from));
  if (first === null) return { head: stack.trimEnd(), frames: [] };
  const lines = stack.slice(from + first.index + 1).split('\n');
  return { head: stack.slice(0, from + first.index), frames: lines.filter((line) => /^\s+at /.test(line)) };
}

/** Whether a frame is in a file of the user, or of a package the user has chosen. */
export function isUserFrame(frame: string): boolean {
  if (isOwnFrame(frame)) return false;
  return /:\d+:\d+\)?$/.test(frame) && !/\(?(?:async )?node:[^)]*\)?$/.test(frame);
}

function isOwnFrame(frame: string): boolean {
  return frame.includes(OWN_URL) || frame.includes(OWN_PATH);
}

/**
 * An error of a task as its user wants to read it: without the frames of the engine, which called the function that threw.
 * The frames of an error that has no others stay, except for errors that say all in their message.
 */
export function userErrorData(thrown: unknown): ErrorData {
  return tidy(thrown, errorToData(thrown));
}

function tidy(thrown: unknown, data: ErrorData): ErrorData {
  const { head, frames } = splitStack(data.stack, data.message);
  const last = frames.findLastIndex(isUserFrame);
  let kept = frames;
  if (last >= 0) kept = frames.slice(0, last + 1).filter((frame) => !isOwnFrame(frame));
  else if (IskraError.is(thrown) && thrown.code !== 'INVARIANT') kept = [];
  const cause = data.cause === null ? null : tidy((thrown as { readonly cause?: unknown }).cause, data.cause);
  return { ...data, stack: [head, ...kept].join('\n'), cause };
}

/**
 * Adds the user's own frames of `caller` to an error that was made in a later turn and so does not know who waits for it.
 *
 * @param caller holds the stack of the call; read only here, since making it text is slow.
 */
export function addCallerFrames(error: unknown, caller: { readonly stack?: string }): void {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return;
  const { stack } = error;
  const { frames } = splitStack(caller.stack ?? '', '');
  const missing = frames.filter((frame) => isUserFrame(frame) && !stack.includes(frame.trim()));
  if (missing.length === 0 || !Object.isExtensible(error)) return;
  try {
    error.stack = [stack, ...missing].join('\n');
  } catch {
    // An error whose stack cannot be written is still the right error.
  }
}
