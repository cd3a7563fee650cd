import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';
import type { LogLevel } from '../../src/base/logger.ts';
import { createStderrLogger } from '../../src/base/stderr-logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { ConsoleProgress, renderProgress } from '../../src/driver/console-progress.ts';
import { openConsoleProgress } from '../../src/driver/open-console-progress.ts';
import {
  canShowProgress,
  printAbove,
  progressTerminal,
  type TerminalStream,
} from '../../src/driver/progress-terminal.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';

/** Time that stands still until it is moved. */
class StillClock implements Clock {
  time = 0;
  private waiting: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { at: this.time + delayMs, fire };
    this.waiting.push(timer);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== timer);
    };
  }

  get numWaiting(): number {
    return this.waiting.length;
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.waiting.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.waiting = this.waiting.filter((t) => t !== next);
      this.time = next.at;
      next.fire();
    }
    this.time = end;
  }
}

/** `ESC [ n A`, `ESC [ J`, or any character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are moved by control characters
const MOVES = /(\x1b\[(\d+)A)|(\x1b\[J)|[\s\S]/g;

/** What a person would see: lines, with cursor moves obeyed. */
class Screen {
  lines: string[] = [''];
  private row = 0;
  private column = 0;

  write(text: string): void {
    for (const [part = '', , up, clear] of text.matchAll(MOVES)) {
      if (up !== undefined) this.row -= Number(up);
      else if (clear !== undefined) {
        this.lines.length = this.row + 1;
        this.lines[this.row] = (this.lines[this.row] ?? '').slice(0, this.column);
      } else if (part === '\r') this.column = 0;
      else if (part === '\n') {
        this.row++;
        this.column = 0;
        this.lines[this.row] ??= '';
      } else {
        const line = this.lines[this.row] ?? '';
        this.lines[this.row] = line.slice(0, this.column) + part + line.slice(this.column + 1);
        this.column++;
      }
    }
  }
}

function submitted(stageId: number, numTasks: number): SparkListenerEvent {
  return { type: 'SparkListenerStageSubmitted', at: 0, stage: { stageId, numTasks } } as unknown as SparkListenerEvent;
}
function completed(stageId: number): SparkListenerEvent {
  return { type: 'SparkListenerStageCompleted', at: 0, stage: { stageId } } as unknown as SparkListenerEvent;
}
function started(stageId: number): SparkListenerEvent {
  return { type: 'SparkListenerTaskStart', at: 0, stageId } as unknown as SparkListenerEvent;
}
function ended(stageId: number, kind = 'Success'): SparkListenerEvent {
  return { type: 'SparkListenerTaskEnd', at: 0, stageId, reason: { kind } } as unknown as SparkListenerEvent;
}

function terminal() {
  const screen = new Screen();
  const clock = new StillClock();
  const progress = new ConsoleProgress({ write: (text) => screen.write(text), columns: () => 41 }, { clock });
  return { screen, clock, progress };
}

test('a bar looks as in Spark', () => {
  const stage = { stageId: 0, numTasks: 10, completed: 7, active: 2 };
  assert.deepEqual(renderProgress([stage], 40), ['[Stage 0:============>     (7 + 2) / 10]']);
  assert.deepEqual(renderProgress([{ ...stage, completed: 0, active: 0 }], 40), [
    '[Stage 0:>                 (0 + 0) / 10]',
  ]);
  assert.deepEqual(renderProgress([{ ...stage, completed: 10, active: 0 }], 40), [
    '[Stage 0:=================(10 + 0) / 10]',
  ]);
});

test('a bar always has the width of the terminal, or less where that is too small', () => {
  for (let width = 0; width < 60; width++) {
    for (const done of [0, 1, 5, 9, 10]) {
      const [bar = ''] = renderProgress([{ stageId: 12, numTasks: 10, completed: done, active: 1 }], width);
      assert.ok(bar.length === width || bar.length < width, `${width}: ${bar}`);
      if (width > 30) assert.equal(bar.length, width);
    }
  }
  assert.doesNotThrow(() => renderProgress([{ stageId: 1, numTasks: 0, completed: 0, active: 0 }], 40));
});

test('a stage gets its bar after half a second, and it is gone when the stage is', () => {
  const { screen, clock, progress } = terminal();
  progress.onEvent(submitted(0, 10));
  progress.onEvent(started(0));
  clock.advance(499);
  assert.deepEqual(screen.lines, ['']);
  clock.advance(1);
  assert.deepEqual(screen.lines, ['[Stage 0:>                 (0 + 1) / 10]']);
  progress.onEvent(ended(0));
  progress.onEvent(started(0));
  progress.onEvent(ended(0, 'ExceptionFailure'));
  clock.advance(200);
  assert.deepEqual(screen.lines, ['[Stage 0:=>                (1 + 0) / 10]']);
  progress.onEvent(completed(0));
  assert.deepEqual(screen.lines, ['']);
  assert.equal(clock.numWaiting, 0);
});

test('each running stage has a line of its own', () => {
  const { screen, clock, progress } = terminal();
  progress.onEvent(submitted(0, 4));
  progress.onEvent(submitted(1, 4));
  clock.advance(500);
  assert.equal(screen.lines.length, 2);
  progress.onEvent(completed(0));
  clock.advance(200);
  assert.deepEqual(screen.lines, ['[Stage 1:>                  (0 + 0) / 4]']);
});

test('lines that are written meanwhile stand above the bars', () => {
  const { screen, clock, progress } = terminal();
  const stream: TerminalStream = {
    isTTY: true,
    write: (text) => {
      screen.write(String(text));
      return true;
    },
  };
  const restore = printAbove(progress, stream);
  progress.onEvent(submitted(0, 4));
  progress.onEvent(submitted(1, 4));
  clock.advance(500);
  stream.write('one\n');
  stream.write('two ');
  assert.deepEqual(screen.lines, ['one', 'two ']);
  stream.write('words\n');
  assert.deepEqual(screen.lines, [
    'one',
    'two words',
    '[Stage 0:>                  (0 + 0) / 4]',
    '[Stage 1:>                  (0 + 0) / 4]',
  ]);
  progress.close();
  progress.close();
  restore();
  assert.deepEqual(screen.lines, ['one', 'two words', '']);
});

test('bars are opened where settings, log level and terminal allow, and leave the streams as they were', () => {
  const screen = new Screen();
  const stream = (isTTY: boolean): TerminalStream => ({
    isTTY,
    columns: 41,
    write: (text) => {
      screen.write(String(text));
      return true;
    },
  });
  const stdout = stream(true);
  const stderr = stream(true);
  const { write } = stderr;
  const env = { TERM: 'xterm' };
  const log = (level: LogLevel) => createStderrLogger('x', { level });
  const on = new SparkConf();
  assert.equal(openConsoleProgress(on, log('INFO'), { stdout, stderr, env }), undefined);
  assert.equal(openConsoleProgress(on, log('WARN'), { stdout, stderr: stream(false), env }), undefined);
  const off = new SparkConf({ 'spark.ui.showConsoleProgress': false });
  assert.equal(openConsoleProgress(off, log('WARN'), { stdout, stderr, env }), undefined);
  assert.equal(stderr.write, write);

  const progress = openConsoleProgress(on, log('WARN'), { stdout, stderr, env });
  assert.ok(progress);
  assert.notEqual(stderr.write, write);
  progress.onEvent(submitted(0, 4));
  stderr.write('by hand\n');
  progress.close();
  progress.close();
  assert.equal(stderr.write, write);
  assert.deepEqual(screen.lines, ['by hand', '']);
});

test('no timer runs when no stage does', () => {
  const { clock, progress } = terminal();
  assert.equal(clock.numWaiting, 0);
  progress.onEvent(submitted(0, 1));
  progress.onEvent(completed(0));
  assert.equal(clock.numWaiting, 0);
  progress.onEvent(submitted(1, 1));
  progress.onEvent({ type: 'SparkListenerApplicationEnd', at: 0 });
  assert.equal(clock.numWaiting, 0);
});

test('bars are for terminals only', () => {
  const stream = { write: () => true };
  assert.equal(canShowProgress({ ...stream, isTTY: true }, { TERM: 'xterm' }), true);
  assert.equal(canShowProgress(stream, { TERM: 'xterm' }), false);
  assert.equal(canShowProgress({ ...stream, isTTY: true }, { TERM: 'dumb' }), false);
  assert.equal(canShowProgress({ ...stream, isTTY: true }, { CI: 'true' }), false);
  assert.equal(canShowProgress({ ...stream, isTTY: true }, { NO_COLOR: '1' }), false);
});

test('a terminal that does not know its width counts as 80 wide', () => {
  for (const columns of [0, undefined]) {
    const stderr = { isTTY: true, write: () => true, ...(columns !== undefined && { columns }) };
    assert.equal(progressTerminal(stderr).columns(), 80);
  }
});
