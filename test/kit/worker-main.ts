// A worker as a process of its own: `node worker-main.js MASTER WORK_DIR EXECUTOR [DRIVER]`, for tests that kill it.
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { startWorker } from '../../src/deploy/worker/worker-loop.ts';
import { DRIVER_MAIN, EXECUTOR_MAIN } from '../../src/protocol/worker-process.ts';
import { OPEN } from './rpc.ts';

const [master = '', workDir = '', executor = '', driver = ''] = process.argv.slice(2);
const worker = await startWorker({
  conf: new SparkConf({ 'spark.local.dir': workDir }),
  host: '127.0.0.1',
  port: 0,
  cores: 1,
  memory: 1024,
  workDir,
  masters: [master],
  webUiUrl: 'http://127.0.0.1:8081',
  resources: {},
  security: OPEN,
  log: silentLogger,
  seed: process.pid,
  programs: { [DRIVER_MAIN]: driver, [EXECUTOR_MAIN]: executor },
});
process.on('disconnect', () => void worker.stop());
