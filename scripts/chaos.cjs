// Other timing for tests: `node scripts/test.mjs --chaos SEED test/…` loads this into every process and thread of theirs. What the
// system promises stays: the order of bytes in a stream, of messages of a port, of timers. All else comes late, and in another order:
//
//  - an operation of `node:fs` begins late and tells late that it is through;
//  - what a socket or pipe receives comes late; so does that a child has ended;
//  - each thread stands still every now and then, as on a machine with too few cores.
//
// Of sockets the sending side is left alone: what is written before an orderly exit does arrive. SEED makes the delays; two runs with
// one seed are alike, not equal.
const child_process = require('node:child_process');
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const net = require('node:net');
const { promisify } = require('node:util');
const { threadId } = require('node:worker_threads');

const LATE_MS = 30;
const STAND_STILL_MS = 25;
/** Once in so many times that a thread stands still it does so for longer, as a machine may that many share. */
const LONG_ONCE_IN = 60;
const LONG_MS = 600;
/** Of four events one comes at once, one some turns later, two after a time. */
const AT_ONCE = 0.25;
const TURNS = 0.5;
const MOST_TURNS = 6;

const { setTimeout, setImmediate } = globalThis;
const stillness = new Int32Array(new SharedArrayBuffer(4));
const dice = seeded(`${process.env.ISKRA_CHAOS ?? 0} ${process.argv.slice(1).join(' ')} ${threadId}`);

/** Calls `f` at once, later in this turn's end, or in up to 30 ms. What waits keeps the process, as the operation itself would. */
function late(f) {
  const kind = dice();
  if (kind < AT_ONCE) return f();
  if (kind >= TURNS) return void setTimeout(f, dice() * LATE_MS);
  let left = Math.ceil(dice() * MOST_TURNS);
  const turn = () => (left-- > 0 ? void setImmediate(turn) : f());
  turn();
}

/** Calls in order, each late after the one before. */
class LateQueue {
  #waiting = [];
  #busy = false;

  get length() {
    return this.#waiting.length;
  }

  push(f) {
    this.#waiting.push(f);
    if (!this.#busy) this.#next();
  }

  #next() {
    const f = this.#waiting[0];
    this.#busy = f !== undefined;
    if (f === undefined) return;
    late(() => {
      this.#waiting.shift();
      try {
        f();
      } finally {
        this.#next();
      }
    });
  }
}

const pause = () => new Promise((resolve) => late(resolve));

function latePromise(owner, name) {
  const original = owner[name];
  owner[name] = {
    async [name](...args) {
      await pause();
      try {
        return await original.apply(this, args);
      } finally {
        await pause();
      }
    },
  }[name];
}

const FS_PROMISES =
  'access appendFile chmod copyFile cp link lstat mkdir mkdtemp open readdir readFile readlink realpath rename rm rmdir stat symlink truncate unlink utimes writeFile'.split(
    ' ',
  );
const FILE_HANDLE = 'appendFile datasync read readFile readv stat sync truncate write writeFile writev'.split(' ');
for (const name of FS_PROMISES) latePromise(fs.promises, name);
// Its class is nowhere but behind its objects.
const openLate = fs.promises.open;
let handlesAreLate = false;
fs.promises.open = async function open(...args) {
  const handle = await openLate.apply(this, args);
  if (!handlesAreLate) for (const name of FILE_HANDLE) latePromise(Object.getPrototypeOf(handle), name);
  handlesAreLate = true;
  return handle;
};

for (const name of [...FS_PROMISES, ...'close fdatasync fsync fstat ftruncate read readv write writev'.split(' ')]) {
  const original = fs[name];
  if (original === undefined) continue;
  const wrapped = {
    [name](...args) {
      const done = args.at(-1);
      if (typeof done !== 'function') return original.apply(this, args); // says what is wrong
      args[args.length - 1] = (...result) => late(() => done.apply(this, result));
      late(() => original.apply(this, args));
    },
  }[name];
  fs[name] = Object.assign(wrapped, original);
  const promised = original[promisify.custom];
  if (promised !== undefined)
    Object.defineProperty(wrapped, promisify.custom, {
      async value(...args) {
        await pause();
        return promised(...args);
      },
    });
}

const received = Symbol('received');
const HELD_CHUNKS = 64;
const push = net.Socket.prototype.push;
net.Socket.prototype.push = function (chunk, encoding) {
  this[received] ??= new LateQueue();
  this[received].push(() => {
    if (this.destroyed) return;
    push.call(this, chunk, encoding);
    if (chunk === null) this.read(0); // as is done where a socket ends: nobody may be reading
  });
  return this[received].length < HELD_CHUNKS && !(this.readableLength > this.readableHighWaterMark);
};

const ends = Symbol('ends');
const childEmit = child_process.ChildProcess.prototype.emit;
child_process.ChildProcess.prototype.emit = function (event, ...args) {
  if (event !== 'exit' && event !== 'close') return childEmit.call(this, event, ...args);
  this[ends] ??= new LateQueue();
  this[ends].push(() => childEmit.call(this, event, ...args));
  return true;
};

syncBuiltinESMExports();
standStill();

function standStill() {
  setTimeout(
    () => {
      Atomics.wait(stillness, 0, 0, dice() * (dice() * LONG_ONCE_IN < 1 ? LONG_MS : STAND_STILL_MS));
      standStill();
    },
    dice() * 4 * STAND_STILL_MS,
  ).unref();
}

/** mulberry32 of a text's FNV-1a hash. */
function seeded(text) {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
