// What talking to another process costs, over loopback: small questions, attached bytes, bytes of files.
//   npm run build && node bench/micro/rpc.bench.mjs [scale]
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileRegion } from '../../dist/src/rpc/file-region.js';
import { RpcEnv } from '../../dist/src/rpc/rpc-env.js';
import { sharedSecret } from '../../dist/src/rpc/security.js';

const MIB = 1024 * 1024;
const now = () => performance.now();
const policies = {
  plain: { kind: 'none', offLoopback: 'refused' },
  'AES-GCM': sharedSecret('a secret for benchmarks', { encrypt: true }),
};

if (process.send === undefined) await main();
else await serve();

async function serve() {
  const [policy, file] = process.argv.slice(2);
  const env = await RpcEnv.create({ name: 'server', host: '127.0.0.1', port: 0, security: policies[policy] });
  const block = new Uint8Array(64 * MIB).fill(7);
  env.register('Bench', {
    receive() {},
    receiveAndReply(ask) {
      switch (ask.type) {
        case 'Small':
          return ask.request;
        case 'Block':
          return block.subarray(0, ask.request);
        case 'Put':
          return ask.request.length;
        case 'File':
          return new FileRegion(file, 0, ask.request);
      }
    },
  });
  // Sockets without any of it, for comparison: E echoes what comes, B sends a block for each byte that comes.
  const bare = createServer({ noDelay: true, highWaterMark: MIB }, (socket) => {
    socket.once('data', (first) => {
      if (first[0] === 0x45) socket.pipe(socket);
      else socket.on('data', () => writeBlock(socket, block, 0));
    });
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1', () => process.send({ ...env.address, bare: bare.address().port }));
  process.on('disconnect', () => process.exit());
}

function writeBlock(socket, block, at) {
  if (at < block.length)
    socket.write(block.subarray(at, at + 512 * 1024), () => writeBlock(socket, block, at + 512 * 1024));
}

/** A bare socket; `run(bytes)` writes and resolves when as many as `expected` have come. */
async function bareSocket(port, kind) {
  const buffer = Buffer.alloc(256 * 1024);
  let left = 0;
  let done = () => {};
  const callback = (n) => {
    left -= n;
    if (left <= 0) done();
    return true;
  };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(kind);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    run(bytes, expected) {
      left = expected;
      socket.write(bytes);
      return new Promise((resolve) => {
        done = resolve;
      });
    },
    close: () => socket.destroy(),
  };
}

async function main() {
  const scale = Number(process.argv[2] ?? 1);
  const dir = mkdtempSync(join(tmpdir(), 'iskra-rpc-bench-'));
  const file = join(dir, 'block');
  const bytes = Buffer.alloc(64 * MIB, 5);
  writeFileSync(file, bytes);
  try {
    for (const policy of Object.keys(policies)) await measure(policy, file, scale);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(policy, file, scale) {
  const child = fork(import.meta.filename, [policy, file]);
  const address = await new Promise((resolve) => child.once('message', resolve));
  const env = await RpcEnv.create({ name: 'client', security: policies[policy] });
  const ref = await env.connect(address, 'Bench');
  const task = {
    taskId: 12345,
    stageId: 3,
    partition: 17,
    attempt: 0,
    name: 'task 17.0 in stage 3.0',
    locations: ['host-a', 'host-b'],
    properties: { 'spark.job.description': 'count at app.ts:12', pool: 'default', 'spark.jobGroup.id': 'g1' },
    split: { kind: 'range', start: 170_000, end: 180_000, step: 1 },
    padding: 'x'.repeat(30),
  };
  const size = JSON.stringify({ type: 'Small', request: task }).length;
  const echo = await bareSocket(address.bare, 'E');
  const source = await bareSocket(address.bare, 'B');
  const bareEcho = async (n, inFlight) => {
    const bytes = Buffer.alloc(size * inFlight, 1);
    const start = now();
    for (let i = 0; i < n; i += inFlight) await echo.run(bytes, bytes.length);
    return (now() - start) / n;
  };
  const bareBlock = async () => {
    const start = now();
    await source.run('x', 64 * MIB);
    return now() - start;
  };
  const show = (what, figure) => console.log(`${policy.padEnd(8)} ${what.padEnd(44)} ${figure}`);
  const small = async (n, inFlight) => {
    let left = n;
    const lane = async () => {
      while (left-- > 0) await ref.ask('Small', task);
    };
    const start = now();
    await Promise.all(Array.from({ length: inFlight }, lane));
    return (now() - start) / n;
  };
  await small(20_000 * scale, 64);
  for (const [inFlight, n] of [
    [1, 10_000],
    [64, 100_000],
    [512, 100_000],
  ]) {
    let best = Number.POSITIVE_INFINITY;
    let bare = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) {
      best = Math.min(best, await small(n * scale, inFlight));
      bare = Math.min(bare, await bareEcho(n * scale, inFlight));
    }
    show(
      `ask of ${size} B, ${inFlight} in flight`,
      `${(best * 1000).toFixed(1)} us, ${Math.round(1000 / best)} /s (bare socket ${(bare * 1000).toFixed(1)} us)`,
    );
  }
  const slab = new Uint8Array(new SharedArrayBuffer(64 * MIB));
  const block = new Uint8Array(64 * MIB).fill(9);
  const cases = {
    'replies of 64 MiB from memory': () => ref.ask('Block', 64 * MIB),
    'the same into shared memory that is reused': () => ref.ask('Block', 64 * MIB, { allocate: () => slab }),
    'the same into fresh shared memory': () => ref.ask('Block', 64 * MIB, { shared: true }),
    'requests with 64 MiB': () => ref.ask('Put', block),
    'replies of 64 MiB from a file': () => ref.ask('File', 64 * MIB),
    'files into shared memory that is reused': () => ref.ask('File', 64 * MIB, { allocate: () => slab }),
  };
  for (const [what, run] of Object.entries(cases)) {
    await run();
    let best = Number.POSITIVE_INFINITY;
    let bare = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const start = now();
      await run();
      best = Math.min(best, now() - start);
      bare = Math.min(bare, await bareBlock());
    }
    const rate = (ms) => `${((64 * MIB) / 1e6 / ms).toFixed(2)} GB/s`;
    show(what, `${rate(best)} (bare socket, bytes not kept: ${rate(bare)})`);
  }
  const blocks = 64;
  const start = now();
  await Promise.all(Array.from({ length: blocks }, () => ref.ask('Block', MIB)));
  show(`${blocks} replies of 1 MiB at once`, `${((blocks * MIB) / 1e6 / (now() - start)).toFixed(2)} GB/s`);
  let worst = 0;
  const bulk = Promise.all(Array.from({ length: 4 * scale }, () => ref.ask('Block', 64 * MIB)));
  let done = false;
  void bulk.then(() => {
    done = true;
  });
  while (!done) {
    const before = now();
    await ref.ask('Small', task);
    worst = Math.max(worst, now() - before);
  }
  show('slowest small ask beside 256 MiB of replies', `${worst.toFixed(1)} ms`);
  echo.close();
  source.close();
  await env.stop();
  child.disconnect();
}
