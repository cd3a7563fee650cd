import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SETTINGS_FOLDER } from './settings-folder.ts';

const ISKRA = fileURLToPath(new URL('../../../bin/iskra', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  /** Without the date of log lines. */
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Resolves when `text` has been printed on standard output; rejects when the process ends without. */
  printed(text: string): Promise<void>;
}

/** A folder of application files, and the real `iskra run` over them. `scratch` is the spark.local.dir of every run. */
export class IskraCommand {
  readonly folder: string;
  readonly scratch: string;

  constructor(name: string, files: Readonly<Record<string, string>>) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), `iskra-${name}-`)));
    this.scratch = join(this.folder, 'scratch');
    mkdirSync(this.scratch);
    this.write({ 'package.json': '{"type":"module"}', ...files });
  }

  write(files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      writeFileSync(join(this.folder, name), content);
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** What lies in spark.local.dir. */
  leftOver(): string[] {
    return readdirSync(this.scratch);
  }

  start(args: readonly string[], limits = ''): Running {
    const command = [ISKRA, 'run', '-c', `spark.local.dir=${this.scratch}`, ...args];
    const env = { ...process.env, ISKRA_CONF_DIR: SETTINGS_FOLDER, SPARK_CONF_DIR: '', SPARK_HOME: '' };
    const shell = limits === '' ? [] : ['sh', '-c', `${limits}; exec "$@"`, 'sh'];
    const [program = '', ...rest] = [...shell, process.execPath, ...command];
    const child = spawn(program, rest, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    const waiting: { readonly text: string; readonly found: () => void }[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      for (const { text: wanted, found } of waiting) if (out.includes(wanted)) found();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const outcome = new Promise<Outcome>((resolve, reject) => {
      child.on('error', reject).on('close', (code, signal) => {
        resolve({ code, signal, out, err: err.replace(/^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d /gm, '') });
      });
    });
    const printed = (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        if (out.includes(text)) resolve();
        else waiting.push({ text, found: resolve });
        void outcome.then(() => reject(new Error(`ended without printing ${text}:\n${out}\n${err}`)));
      });
    return { child, outcome, printed };
  }

  run(...args: string[]): Promise<Outcome> {
    return this.start(args).outcome;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
