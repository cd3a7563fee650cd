// The entry of the thread that looks at slots while the main thread computes.
import { workerData } from 'node:worker_threads';
import { type LookoutSettings, lookOut } from '../executor/memory-lookout.ts';

lookOut(workerData as LookoutSettings);
