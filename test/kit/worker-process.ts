import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { startWorker, type WorkerLoop, type WorkerOptions } from '../../src/deploy/worker/worker-loop.ts';
import type { MasterToWorker } from '../../src/protocol/master-worker.ts';
import { FakeMaster } from './fake-master.ts';
import { OPEN, recordingLogger } from './rpc.ts';
import { until } from './until.ts';

/** A worker with real processes and directories, and a master that does as it is told. */
export interface WorkerScene {
  readonly master: FakeMaster;
  readonly worker: WorkerLoop;
  /** Everything lies below. */
  readonly directory: string;
  readonly workDir: string;
  /** Warnings and errors of the worker. */
  readonly lines: readonly string[];
}

export interface SceneOptions extends Partial<WorkerOptions> {
  /** Tried before the fake one. */
  readonly moreMasters?: readonly string[];
  /** What the master answers to a registration. */
  readonly answer?: MasterToWorker;
  /** The master's, for one that comes back; otherwise any. */
  readonly masterPort?: number;
  /** `spark.local.dir`. @param below the directory of the test */
  readonly localDir?: (below: string) => string;
}

/**
 * Starts both; they end with the test.
 *
 * @param programs sources by main class.
 * @param conf the worker's settings.
 */
export async function workerScene(
  t: TestContext,
  programs: Readonly<Record<string, string>> = {},
  conf: Readonly<Record<string, string>> = {},
  { moreMasters = [], answer, masterPort = 0, localDir = (below) => join(below, 'local'), ...more }: SceneOptions = {},
): Promise<WorkerScene> {
  const directory = mkdtempSync(join(tmpdir(), 'worker-'));
  const security = more.security === undefined ? {} : { security: more.security };
  const master = await FakeMaster.start({ ...security, port: masterPort });
  let worker: WorkerLoop | null = null;
  t.after(async () => {
    await worker?.stop();
    await master.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  if (answer !== undefined) master.answer = answer;
  const files: Record<string, string> = {};
  for (const [mainClass, source] of Object.entries(programs)) {
    const file = join(directory, `${mainClass}.mjs`);
    writeFileSync(file, source);
    files[mainClass] = file;
  }
  const lines: string[] = [];
  const workDir = join(directory, 'work');
  worker = await startWorker({
    conf: new SparkConf({ 'spark.local.dir': localDir(directory), ...conf }),
    host: '127.0.0.1',
    port: 0,
    cores: 4,
    memory: 4096,
    workDir,
    masters: [...moreMasters, master.hostPort],
    webUiUrl: 'http://127.0.0.1:8081',
    resources: {},
    security: OPEN,
    log: recordingLogger(lines),
    seed: 1,
    programs: files,
    environment: { ...process.env, SPARK_LOCAL_DIRS: undefined, SPARK_EXECUTOR_DIRS: undefined },
    ...more,
  }).catch(async (error: unknown) => {
    await master.stop();
    rmSync(directory, { recursive: true, force: true });
    throw error;
  });
  return { master, worker, directory, workDir, lines };
}

/** The first line of a file, when it has `lines` of them. */
export async function printed(file: string, lines = 1): Promise<string> {
  await until(() => read(file).split('\n').length > lines);
  return read(file).split('\n')[0] ?? '';
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
