import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { IskraError } from '../../base/errors.ts';
import { makeDirectory } from '../../base/make-directory.ts';

export interface InstallOptions {
  /** Where installed sets are kept; `~/.cache/iskra/npm` if absent. */
  readonly cacheFolder?: string;
  /** spark.jars.repositories: the registry; npm's own if absent. */
  readonly registry?: string;
  /** Told what is being done when it takes long. */
  readonly tell: (message: string) => void;
  /** The program; `npm` if absent. */
  readonly npm?: string;
}

const SPEC = /^(@[\w.~-]+\/)?[\w~][\w.~-]*@[^\s]+$/;

/** npm gives up on a registry after some minutes by itself; this is for one that hangs otherwise. */
const LONGEST_MS = 15 * 60_000;

/** A set that is not used for so long is installed again when it is wanted. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** What of npm's complaints is shown. */
const SHOWN_LINES = 8;

/**
 * Installs npm packages into a folder of their own, once for each set of them. Scripts of packages are not run.
 *
 * @param specs `name@version`; every form that npm knows may take the version's place.
 * @returns the folder that has them in its `node_modules`.
 * @throws IskraError PACKAGES_SPEC for what is not `name@version`, PACKAGES_INSTALL with what npm says.
 */
export async function installPackages(specs: readonly string[], options: InstallOptions): Promise<string> {
  for (const spec of specs) {
    if (SPEC.test(spec)) continue;
    const isMaven = /^[\w.-]+:[\w.-]+:[\w.-]+$/.test(spec);
    throw new IskraError(
      'PACKAGES_SPEC',
      `--packages (spark.jars.packages) has '${spec}', which is ${isMaven ? 'a Maven coordinate, and here packages come from npm' : 'not of the form NAME@VERSION'}; give for example --packages lodash@4.17.21`,
      { details: { spec } },
    );
  }
  const wanted = [...new Set(specs)].sort();
  // What is installed may differ by machine and Node: optional packages are native ones.
  const kind = [process.platform, process.arch, process.versions.modules, options.registry ?? ''];
  const key = createHash('sha256')
    .update(JSON.stringify([kind, wanted]))
    .digest('hex')
    .slice(0, 24);
  const cache = options.cacheFolder ?? join(homedir(), '.cache', 'iskra', 'npm');
  const folder = join(cache, key);
  if (existsSync(folder)) {
    const now = new Date(systemClock.now());
    utimesSync(folder, now, now);
    return folder;
  }
  makeDirectory(cache, 0o700);
  const draft = mkdtempSync(join(cache, 'installing-'));
  try {
    writeFileSync(join(draft, 'package.json'), '{"private":true}\n');
    options.tell(`installing ${wanted.join(', ')}`);
    await runNpm(draft, wanted, options);
    removeUnused(cache, systemClock.now());
    try {
      renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else another run was faster
    }
    return folder;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Sets that no run has used for long, and what runs left that were killed. */
function removeUnused(cache: string, now: number): void {
  for (const name of readdirSync(cache)) {
    const stat = statSync(join(cache, name), { throwIfNoEntry: false });
    if (stat !== undefined && now - stat.mtimeMs > KEEP_MS) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function runNpm(folder: string, specs: readonly string[], { npm = 'npm', registry }: InstallOptions): Promise<void> {
  const args = [
    'install',
    '--ignore-scripts',
    '--omit=dev',
    '--no-audit',
    '--no-fund',
    '--install-links',
    '--loglevel=error',
  ];
  const failed = (why: string, cause?: unknown): IskraError =>
    new IskraError('PACKAGES_INSTALL', `cannot install ${specs.join(', ')}: ${why}`, { cause, details: { specs } });
  return new Promise((resolve, reject) => {
    const child = spawn(npm, [...args, '--', ...specs], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      // An URL may have a password in it, and arguments can be seen by others.
      env: { ...process.env, ...(registry === undefined ? {} : { npm_config_registry: registry }) },
    });
    const cancel = systemClock.after(LONGEST_MS, () => child.kill(), true);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      cancel();
      reject(
        error.code === 'ENOENT'
          ? failed(`there is no ${npm} on the PATH; install npm, or the packages beside the application`, error)
          : failed(error.message, error),
      );
    });
    child.once('close', (code, signal) => {
      cancel();
      if (code === 0) resolve();
      else
        reject(failed(`npm ${signal === null ? `ended with code ${code}` : `was ended by ${signal}`}${shown(said)}`));
    });
  });
}

function shown(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trimEnd())
    .filter((line) => line !== '' && !/^npm warn|A complete log of this run/.test(line))
    .slice(0, SHOWN_LINES);
  return lines.length === 0 ? '' : `:\n    ${lines.join('\n    ')}`;
}
