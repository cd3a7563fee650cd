// The entry of a slot's thread.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Slot } from '../executor/slot.ts';
import type { SlotSettings } from '../protocol/executor-slot.ts';

const { settings, asks } = workerData as { readonly settings: SlotSettings; readonly asks: MessagePort };
if (parentPort === null) throw new Error('task-slot runs only as a worker thread of an executor');
new Slot(settings, parentPort, asks).start();
