// An executor's process that was started before it was known what for: it gets ready, waits, and becomes what it is told.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { replaceEnvironment } from '../base/replace-environment.ts';
import { EXECUTOR_MEMORY } from '../config/memory-entries.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { planMemory } from '../executor/memory-plan.ts';
import { prepareSlotThread } from '../executor/slot-thread.ts';
import { SPARE_ARGUMENT, SPARE_ORDERS, type SpareOrder } from '../protocol/worker-process.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import { sharedSecret } from '../rpc/security.ts';

const MIB = 1 << 20;
const REHEARSAL = 'Rehearsal';
const COMM = '/proc/self/comm';

/**
 * Loads what an executor needs, and the first slot's thread as well. When the promise resolves, arguments, environment, working directory
 * and name of this process are those of an executor that was started for the purpose.
 */
export async function waitForOrder(slotEntry: URL): Promise<void> {
  const [program = '', , cores = '1', memoryMiB] = process.argv.slice(1);
  const showAs = titles();
  showAs([process.execPath, program, SPARE_ARGUMENT].join(' '));
  const orders = new Socket({ fd: SPARE_ORDERS });
  const order = readOrder(orders);
  const memory = memoryMiB === undefined ? new SparkConf().get(EXECUTOR_MEMORY) : Number(memoryMiB) * MIB;
  prepareSlotThread(slotEntry, planMemory(new SparkConf(), memory, Number(cores)).slotHeapBytes, true);
  await import('../executor/executor-backend.ts');
  await rehearse();
  const { arguments: given, environment, directory, title } = await order;
  process.chdir(directory);
  replaceEnvironment(process.env, environment);
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...given);
  showAs(title);
  // Whoever has started it may signal it from now on, and what it prints is the executor's.
  orders.write('.', () => orders.destroy());
}

/**
 * Connects to itself once, as an executor connects to its driver: what is run for the first time is loaded and compiled then, and
 * that is half of what registering takes. Nobody else gets in: the secret is made here and goes with it.
 */
async function rehearse(): Promise<void> {
  const security = sharedSecret(randomBytes(32));
  const host = '127.0.0.1';
  const envs: RpcEnv[] = [];
  try {
    const server = await RpcEnv.create({ name: 'rehearsal', host, port: 0, security });
    envs.push(server);
    server.register<never, { Echo: [object, object] }>(REHEARSAL, {
      receive: () => {},
      receiveAndReply: ({ request }) => request,
    });
    const client = await RpcEnv.create({ name: 'rehearsal', host, port: 0, security });
    envs.push(client);
    if (server.address === null) return;
    const ref = await client.connect<never, { Echo: [object, object] }>(server.address, REHEARSAL);
    await ref.ask('Echo', { conf: {} });
  } catch {
    // No port is free, say: then the executor is a little later, or says so itself.
  } finally {
    await Promise.all(envs.map((env) => env.stop()));
  }
}

/** Ends the process when whoever has started it is gone. */
function readOrder(orders: Socket): Promise<SpareOrder> {
  return new Promise((resolve) => {
    let text = '';
    const gone = (): void => process.exit();
    orders.setEncoding('utf8');
    orders.on('error', gone);
    orders.on('close', gone);
    orders.on('data', (more: string) => {
      text += more;
      if (!text.endsWith('\n')) return;
      orders.off('error', gone);
      orders.off('close', gone);
      orders.on('error', () => {}); // it does not hear the answer; the executor's own watch tells why
      resolve(JSON.parse(text) as SpareOrder); // as the worker wrote it
    });
  });
}

/** Lists of processes show a command and, some, a short name, which stays. */
function titles(): (title: string) => void {
  let name: string | null;
  try {
    name = readFileSync(COMM, 'utf8').trim();
  } catch {
    name = null;
  }
  return (title) => {
    process.title = title;
    if (name !== null) writeFileSync(COMM, name);
  };
}
