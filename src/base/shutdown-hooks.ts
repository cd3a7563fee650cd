import { processWide } from './process-wide.ts';

/** How `addShutdownHook` may be told more. */
export interface ShutdownHookOptions {
  /** For the message when stopping fails. */
  readonly name?: string;
  /** For `process.exit`, when nothing can be awaited any more: removes what would be left behind, at once. */
  readonly exitNow?: () => void;
}

interface ShutdownHook extends ShutdownHookOptions {
  readonly stop: () => Promise<void>;
}

const hooks = processWide('shutdownHooks.1', (): ShutdownHook[] => []);

/**
 * Registers something that has to end before the process does: a context with its slots and scratch directories.
 *
 * While it is idle it must hold no timer and no worker that keeps the process alive (`unref` them): a program that
 * forgets to stop its context then ends by itself, and the hook stops the context.
 *
 * @param stop ends it in an orderly way; may be called when it has ended already.
 * @returns a function that takes the hook back, for when its object has ended.
 */
export function addShutdownHook(stop: () => Promise<void>, options: ShutdownHookOptions = {}): () => void {
  const hook = { ...options, stop };
  hooks.push(hook);
  return () => {
    const at = hooks.indexOf(hook);
    if (at >= 0) hooks.splice(at, 1);
  };
}

/** Stops everything, the newest first, one after the other. @returns what went wrong; one failure does not keep the rest. */
export async function runShutdownHooks(): Promise<{ name: string; error: unknown }[]> {
  const failures: { name: string; error: unknown }[] = [];
  for (let hook = hooks.at(-1); hook; hook = hooks.at(-1)) {
    try {
      await hook.stop();
    } catch (error) {
      failures.push({ name: hook.name ?? 'what still ran', error });
    }
    // Only now: a process that ends while this one stops does at once what needs no waiting.
    const at = hooks.indexOf(hook);
    if (at >= 0) hooks.splice(at, 1);
  }
  return failures;
}

/** The `exit` event's part: only what needs no waiting. */
export function runExitHooks(): void {
  for (let hook = hooks.pop(); hook; hook = hooks.pop()) {
    try {
      hook.exitNow?.();
    } catch {
      // the process ends; there is nobody left to tell
    }
  }
}
