// Runs a command and measures it from outside: wall time from start to exit, and the memory of all its processes.
//   node bench/lib/measured.mjs COMMAND [ARGS…]   prints the command's output, then one JSON line {"process":…,"ms":…,"peakMb":…}
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Between two looks at /proc: 50 looks at a 2.5 s run, and less than 0.5 % of a core. */
const SAMPLE_MS = 50;

/**
 * @returns {Promise<{ stdout: string, stderr: string, code: number, ms: number, peakMb: number | null }>}
 *   ms: wall clock from before the start to the exit. peakMb: the largest sum of resident memory over the command and all its
 *   descendants (MiB); for a single process its own high-water mark. Null where there is no /proc, or `memory` is false: for
 *   runs of some hundred milliseconds, beside which nothing else is to run.
 */
export function runMeasured(command, args, { cwd, env, onStdout, onStderr, memory: looks = true } = {}) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      onStdout?.(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
      onStderr?.(text);
    });
    const memory = new MemoryOfTree(child.pid);
    const timer = looks ? setInterval(() => memory.look(), SAMPLE_MS) : undefined;
    const stop = (signal) => child.kill(signal);
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    let ms = 0;
    child.once('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    child.once('exit', () => {
      ms = Number(process.hrtime.bigint() - start) / 1e6;
      clearInterval(timer);
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
    });
    child.once('close', (code, signal) => {
      if (signal) stderr += `ended by ${signal}\n`;
      resolve({ stdout, stderr, code: code ?? 1, ms, peakMb: memory.peakMb() });
    });
  });
}

class MemoryOfTree {
  #root;
  #peakSumKb = 0;
  #highWaterKb = new Map();
  #most = 0;

  constructor(root) {
    this.#root = root;
  }

  look() {
    let sum = 0;
    let processes = 0;
    for (const pid of descendants(this.#root)) {
      const status = read(`/proc/${pid}/status`);
      const rss = kilobytes(status, 'VmRSS');
      if (rss === 0) continue;
      processes++;
      sum += rss;
      this.#highWaterKb.set(pid, kilobytes(status, 'VmHWM'));
    }
    this.#most = Math.max(this.#most, processes);
    this.#peakSumKb = Math.max(this.#peakSumKb, sum);
  }

  /** The kernel's high-water mark misses no peak between two looks, but marks of several processes must not be added up. */
  peakMb() {
    if (this.#most === 0) return null;
    const largest = Math.max(...this.#highWaterKb.values());
    return Math.round(Math.max(this.#peakSumKb, largest) / 1024);
  }
}

function descendants(root) {
  const children = new Map();
  for (const name of directory('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(Number(name));
  }
  const all = [root];
  for (let i = 0; i < all.length; i++) all.push(...(children.get(all[i]) ?? []));
  return all;
}

const kilobytes = (status, field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);

// A process may be gone between two reads.
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function directory(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [command, ...args] = process.argv.slice(2);
  const result = await runMeasured(command, args, {
    onStdout: (text) => process.stdout.write(text),
    onStderr: (text) => process.stderr.write(text),
  });
  const line = { process: true, ms: Math.round(result.ms), peakMb: result.peakMb, code: result.code };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exitCode = result.code;
}
