import { type Clock, systemClock } from '../base/clock.ts';
import type { StatusLine } from '../base/stderr-logger.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';

/** A running stage, as its bar shows it. */
export interface StageProgress {
  readonly stageId: number;
  readonly numTasks: number;
  readonly completed: number;
  readonly active: number;
}

/** `[Stage 0:=====>            (7 + 2) / 10]`, `width` wide. Spark: ConsoleProgressBar.show */
export function renderProgress(stages: readonly StageProgress[], width: number): string[] {
  return stages.map(({ stageId, numTasks, completed, active }) => {
    const head = `[Stage ${stageId}:`;
    const tail = `(${completed} + ${active}) / ${numTasks}]`;
    const room = width - head.length - tail.length;
    if (room <= 0) return (head + tail).slice(0, width);
    const done = numTasks === 0 ? room : Math.min(room, Math.floor((room * completed) / numTasks));
    return head + '='.repeat(done) + (done < room ? '>' : '') + ' '.repeat(Math.max(0, room - done - 1)) + tail;
  });
}

/** The terminal that the bars stand on. */
export interface ProgressTerminal {
  write(text: string): void;
  /** Its width now; it may change. */
  columns(): number;
}

export interface ConsoleProgressOptions {
  readonly clock?: Clock;
  /** A stage gets its bar when it has run for this long: short ones only flicker. */
  readonly firstDelayMs?: number;
  readonly updateIntervalMs?: number;
}

/** More stages than this at a time are not shown, so that bars do not fill the screen. */
const MAX_BARS = 5;

interface Running {
  numTasks: number;
  completed: number;
  active: number;
  readonly since: number;
}

/**
 * The bars at the foot of a terminal, one a running stage, drawn anew at intervals while stages run.
 *
 * It listens to the application's events, and is a status line: whoever writes to the terminal hides it before and
 * shows it after. It runs no timer when no stage runs. Spark: ConsoleProgressBar
 */
export class ConsoleProgress implements StatusLine {
  private readonly stages = new Map<number, Running>();
  private readonly terminal: ProgressTerminal;
  private readonly clock: Clock;
  private readonly firstDelayMs: number;
  private readonly updateIntervalMs: number;
  private shown: readonly string[] = [];
  private isHidden = true;
  private cancelTimer: (() => void) | undefined;

  constructor(terminal: ProgressTerminal, options: ConsoleProgressOptions = {}) {
    this.terminal = terminal;
    this.clock = options.clock ?? systemClock;
    this.firstDelayMs = options.firstDelayMs ?? 500;
    this.updateIntervalMs = options.updateIntervalMs ?? 200;
  }

  /** To be registered with the listener bus. */
  onEvent(event: SparkListenerEvent): void {
    switch (event.type) {
      case 'SparkListenerStageSubmitted': {
        const { stageId, numTasks } = event.stage;
        this.stages.set(stageId, { numTasks, completed: 0, active: 0, since: this.clock.now() });
        this.cancelTimer ??= this.clock.after(this.firstDelayMs, this.tick);
        break;
      }
      case 'SparkListenerTaskStart': {
        const stage = this.stages.get(event.stageId);
        if (stage) stage.active++;
        break;
      }
      case 'SparkListenerTaskEnd': {
        const stage = this.stages.get(event.stageId);
        if (!stage) break;
        stage.active = Math.max(0, stage.active - 1);
        if (event.reason.kind === 'Success') stage.completed++;
        break;
      }
      case 'SparkListenerStageCompleted':
        this.stages.delete(event.stage.stageId);
        if (this.stages.size === 0) this.close();
        break;
      case 'SparkListenerApplicationEnd':
        this.stages.clear();
        this.close();
        break;
      default: // the others do not change a bar
    }
  }

  /** Takes the bars off the terminal, and is ready for the next stage. Closing twice is fine. */
  close(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.hide();
    this.shown = [];
  }

  hide(): void {
    if (this.isHidden) return;
    this.isHidden = true;
    // To the start of the first bar, then clear to the end of the screen.
    const up = this.shown.length > 1 ? `\x1b[${this.shown.length - 1}A` : '';
    this.terminal.write(`\r${up}\x1b[J`);
  }

  show(): void {
    if (!this.isHidden || this.shown.length === 0) return;
    this.isHidden = false;
    this.terminal.write(this.shown.join('\n'));
  }

  private readonly tick = (): void => {
    const now = this.clock.now();
    const due: StageProgress[] = [];
    for (const [stageId, stage] of this.stages) {
      if (now - stage.since >= this.firstDelayMs && due.length < MAX_BARS) due.push({ stageId, ...stage });
    }
    // The last column stays free: a terminal that has written into it may have gone to the next line.
    const bars = renderProgress(due, this.terminal.columns() - 1);
    if (bars.join('\n') !== this.shown.join('\n')) {
      this.hide();
      this.shown = bars;
      this.show();
    }
    this.cancelTimer = this.clock.after(this.updateIntervalMs, this.tick);
  };
}
