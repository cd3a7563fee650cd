// The entry of a slot's thread. It may be started before there is a context; its first message says what it is for.
import { type MessagePort, parentPort } from 'node:worker_threads';
import { replaceEnvironment } from '../base/replace-environment.ts';
import { Slot } from '../executor/slot.ts';
import type { StartSlot } from '../protocol/executor-slot.ts';

const port = parentPort;
if (port === null) throw new Error('task-slot runs only as a worker thread of an executor');
port.once('message', ({ settings, asks, environment }: StartSlot) => {
  if (environment !== null) replaceEnvironment(process.env, environment);
  new Slot(settings, port, asks as MessagePort).start();
});
