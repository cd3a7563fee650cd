import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { startWorker, type WorkerLoop, type WorkerOptions } from '../../src/deploy/worker/worker-loop.ts';
import { FakeMaster } from './fake-master.ts';
import { OPEN, recordingLogger } from './rpc.ts';

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

/**
 * @param programs sources by main class.
 * @param conf the worker's settings.
 */
export async function workerScene(
  t: TestContext,
  programs: Readonly<Record<string, string>> = {},
  conf: Readonly<Record<string, string>> = {},
  more: Partial<WorkerOptions> & { masters?: readonly string[] } = {},
): Promise<WorkerScene> {
  const directory = mkdtempSync(join(tmpdir(), 'worker-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const master = await FakeMaster.start(more.security === undefined ? {} : { security: more.security });
  t.after(() => master.stop());
  const files: Record<string, string> = {};
  for (const [mainClass, source] of Object.entries(programs)) {
    files[mainClass] = join(directory, `${mainClass}.mjs`);
    writeFileSync(files[mainClass], source);
  }
  const lines: string[] = [];
  const workDir = join(directory, 'work');
  const worker = await startWorker({
    conf: new SparkConf({ 'spark.local.dir': join(directory, 'local'), ...conf }),
    host: '127.0.0.1',
    port: 0,
    cores: 4,
    memory: 4096,
    workDir,
    masters: [master.hostPort],
    webUiUrl: 'http://127.0.0.1:8081',
    resources: {},
    security: OPEN,
    log: recordingLogger(lines),
    seed: 1,
    programs: files,
    environment: { ...process.env, SPARK_LOCAL_DIRS: undefined, SPARK_EXECUTOR_DIRS: undefined },
    ...more,
  });
  t.after(() => worker.stop());
  return { master, worker, directory, workDir, lines };
}
