import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const ISKRA = fileURLToPath(new URL('../../../bin/iskra', import.meta.url));
const ANY_PORTS = { ISKRA_MASTER_PORT: '0', ISKRA_MASTER_WEBUI_PORT: '0', ISKRA_WORKER_WEBUI_PORT: '0' };

export interface DaemonOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunningDaemonCommand {
  readonly child: ChildProcess;
  readonly outcome: Promise<DaemonOutcome>;
  /** What the first match in its log caught. */
  logged(pattern: RegExp): Promise<string>;
}

/** A folder in which commands run, with no settings from elsewhere. */
export class DaemonPlace {
  readonly folder: string = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-daemons-')));
  readonly env: Record<string, string | undefined>;

  readonly #started: ChildProcess[] = [];

  constructor(t: TestContext, env: Readonly<Record<string, string>> = {}) {
    const clean = Object.entries(process.env).filter(([key]) => !/^_?(SPARK|ISKRA)_/.test(key));
    this.env = {
      ...Object.fromEntries(clean),
      ...ANY_PORTS,
      ISKRA_PID_DIR: join(this.folder, 'pids'),
      SPARK_LOCAL_DIRS: join(this.folder, 'local'),
      ...env,
    };
    t.after(async () => {
      for (const child of this.#started) child.kill('SIGKILL'); // of a test that has failed
      await this.run('stop-all');
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  start(...args: string[]): RunningDaemonCommand {
    const [command = '', ...rest] = args;
    // Applications open no ports for pages, unless they say so.
    const settings = command === 'run' || command === 'submit' ? ['-c', 'spark.ui.enabled=false'] : [];
    const child = spawn(process.execPath, [ISKRA, command, ...settings, ...rest], {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#started.push(child);
    let out = '';
    let err = '';
    const looks: (() => void)[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      for (const look of looks) look();
    });
    const outcome = new Promise<DaemonOutcome>((resolve, reject) => {
      child.on('error', reject).on('close', (code, signal) => resolve({ code, signal, out, err }));
    });
    const logged = (pattern: RegExp): Promise<string> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(err)?.[1];
          if (found !== undefined) resolve(found);
        };
        looks.push(look);
        look();
        void outcome.then(() => reject(new Error(`ended without ${pattern}:\n${err}`)));
      });
    return { child, outcome, logged };
  }

  /**
   * With its log in a file of the folder, called by the command, and files that cannot grow above so many blocks of 512 bytes, or of
   * 1024, as the shell has it: as on a disk that is full.
   */
  startLimited(blocks: number, ...args: string[]): ChildProcess {
    const script = `ulimit -f ${blocks}; exec "$0" "$@" >>'${join(this.folder, `${args[0]}.log`)}' 2>&1`;
    const child = spawn('sh', ['-c', script, process.execPath, ISKRA, ...args], {
      cwd: this.folder,
      env: this.env,
      stdio: 'ignore',
    });
    this.#started.push(child);
    return child;
  }

  run(...args: string[]): Promise<DaemonOutcome> {
    return this.start(...args).outcome;
  }

  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
  }
}
