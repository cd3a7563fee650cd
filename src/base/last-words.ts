import type { Clock } from './clock.ts';

/** One of the pipes of a process, and who takes what comes out of it. */
export interface FollowedPipe {
  readonly reader: {
    /** Bytes that have come so far. */
    readonly taken: number;
    /** Whether it does something with them, and takes no more meanwhile. */
    readonly isWriting: boolean;
  };
  /** Resolves when the pipe has ended and all that came out of it is written. */
  readonly written: Promise<void>;
  /** Called when what else comes is not waited for. */
  letGo(): void;
}

const LOOK_MS = 100;
/** So many looks at a pipe of which nothing comes. They are counted, not timed: who was held up has not looked. */
const QUIET_LOOKS = 10;
/** So many while one write goes on. */
const WRITING_LOOKS = 300;
/** More than a pipe or a local socket holds: what comes after it is not from the process that has ended. */
const MOST_BYTES = 1 << 20;

/**
 * Waits, when a process has ended, until what it printed is written; also while something that it has started holds its pipes,
 * but then until nothing comes any more, or what comes is not its own.
 */
export function lastWords(pipes: readonly FollowedPipe[], clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const from = pipes.map(({ reader }) => reader.taken);
    let seen = from;
    let quiet = 0;
    let cancel = (): void => {};
    const look = (): void => {
      const now = pipes.map(({ reader }) => reader.taken);
      quiet = now.every((taken, i) => taken === seen[i]) ? quiet + 1 : 0;
      seen = now;
      const limit = pipes.some(({ reader }) => reader.isWriting) ? WRITING_LOOKS : QUIET_LOOKS;
      if (quiet < limit && now.every((taken, i) => taken - (from[i] ?? 0) <= MOST_BYTES)) {
        cancel = clock.after(LOOK_MS, look);
        return;
      }
      for (const pipe of pipes) pipe.letGo();
      resolve();
    };
    cancel = clock.after(LOOK_MS, look);
    void Promise.all(pipes.map(({ written }) => written)).then(() => {
      cancel();
      resolve();
    });
  });
}
