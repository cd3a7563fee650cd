import type { StderrLogger } from '../base/stderr-logger.ts';
import { CONSOLE_PROGRESS_UPDATE_INTERVAL, SHOW_CONSOLE_PROGRESS } from '../config/logging-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import { ConsoleProgress } from './console-progress.ts';
import { canShowProgress, printAbove, progressTerminal, type TerminalStream } from './progress-terminal.ts';

/** The standard streams and the environment of the process. */
export interface ConsoleStreams {
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Bars that are on. `close` takes them off and gives the streams back; closing twice is fine. */
export interface OpenProgress {
  onEvent(event: SparkListenerEvent): void;
  close(): void;
}

/**
 * Shows running stages at the foot of the terminal, if there is one and the settings want it. Logging at INFO tells the
 * same story in more words, and then there are no bars. Spark: SparkContext, spark.ui.showConsoleProgress
 *
 * @returns undefined when there are to be none.
 */
export function openConsoleProgress(
  conf: SparkConf,
  log: StderrLogger,
  { stdout, stderr, env }: ConsoleStreams,
): OpenProgress | undefined {
  if (!conf.get(SHOW_CONSOLE_PROGRESS) || log.enabled('INFO') || !canShowProgress(stderr, env)) return undefined;
  const progress = new ConsoleProgress(progressTerminal(stderr), {
    updateIntervalMs: conf.get(CONSOLE_PROGRESS_UPDATE_INTERVAL),
  });
  const restore = [printAbove(progress, stdout), printAbove(progress, stderr)];
  return {
    onEvent: (event) => progress.onEvent(event),
    close() {
      progress.close();
      for (const undo of restore.splice(0)) undo();
    },
  };
}
