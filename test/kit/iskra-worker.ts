import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ISKRA: string = fileURLToPath(new URL('../../../bin/iskra', import.meta.url));

/** The real command `iskra worker`, on loopback, with no settings from elsewhere. */
export class IskraWorker {
  readonly child: ChildProcess;
  /** Rejects when it ends: for races with what should happen before. */
  readonly ended: Promise<never>;
  /** The exit code, or the signal. */
  readonly exit: Promise<number | NodeJS.Signals | null>;
  #err = '';

  /**
   * @param directory where it runs.
   * @param settings `key=value` of each.
   */
  constructor(
    masterUrl: string,
    directory: string,
    { settings = [], env = {} }: { readonly settings?: readonly string[]; readonly env?: Record<string, string> } = {},
  ) {
    const clean = Object.entries(process.env).filter(([name]) => !/^_?(SPARK|ISKRA)_/.test(name));
    const options = ['--webui-port', '0', '--host', '127.0.0.1', '--cores', '4', '--memory', '4g'];
    const conf = settings.flatMap((each) => ['--conf', each]);
    this.child = spawn(process.execPath, [ISKRA, 'worker', ...options, ...conf, masterUrl], {
      cwd: directory,
      env: { ...Object.fromEntries(clean), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text;
    });
    this.exit = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve(code ?? signal)));
    this.ended = this.exit.then((how) => {
      throw new Error(`the worker ended with ${how}:\n${this.#err}`);
    });
    this.ended.catch(() => {});
  }
}
