import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  MAX_PAYLOAD_BYTES,
  PROTOCOL_VERSION,
  writeHeader,
} from '../../src/rpc/frame.ts';
import { FrameReader, type FrameSink } from '../../src/rpc/frame-reader.ts';
import { FrameWriter } from '../../src/rpc/frame-writer.ts';
import { encodeValue } from '../../src/rpc/message-codec.ts';
import { RpcMessageError, RpcProtocolError } from '../../src/rpc/rpc-errors.ts';

const LIMITS = { maxMessageBytes: 1024 * 1024, maxAttachmentBytes: 64 * 1024 * 1024 };

/** Takes what a writer gives; bytes count as taken by the system only when told so. */
class Output {
  readonly chunks: Buffer[] = [];
  readonly #done: (() => void)[] = [];
  readonly #hold: boolean;

  constructor(hold = false) {
    this.#hold = hold;
  }

  write(buffers: readonly Uint8Array[], done?: () => void): void {
    this.chunks.push(Buffer.concat(buffers));
    if (done === undefined) return;
    if (this.#hold) this.#done.push(done);
    else queueMicrotask(done);
  }

  /** The system takes one write. */
  take(): boolean {
    const done = this.#done.shift();
    done?.();
    return done !== undefined;
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

interface Read {
  readonly type: number;
  readonly endpoint: number;
  readonly id: number;
  readonly value: unknown;
}

function readAll(chunks: readonly Buffer[], allocate?: (n: number) => Uint8Array): { read: Read[]; broken: string[] } {
  const read: Read[] = [];
  const broken: string[] = [];
  const sink: FrameSink = {
    onName: (endpoint, name) => read.push({ type: FrameType.name, endpoint, id: 0, value: name }),
    onMessage: (type, endpoint, id, value) => read.push({ type, endpoint, id, value }),
    onBroken: (_type, _endpoint, _id, reason) => broken.push(reason),
    allocatorFor: () => allocate,
  };
  const reader = new FrameReader(sink, LIMITS);
  for (const chunk of chunks) reader.push(chunk);
  return { read, broken };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % Math.max(1, sizes.length)] ?? bytes.length;
    out.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return out;
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = (error: Error): void => assert.fail(error);

/** A frame of our own making. */
function frame(
  type: number,
  flags: number,
  endpoint: number,
  id: number,
  payload: Buffer,
  length = payload.length,
): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  writeHeader(header, 0, length, type, flags, endpoint, id);
  return Buffer.concat([header, payload]);
}

describe('frames', () => {
  it('bring messages of every size, however the bytes are cut', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.uint8Array({ maxLength: 100 }),
      fc.nat(200_000).map((n) => new Uint8Array(n).fill(n)),
      fc.nat(40_000).map((n) => 'é'.repeat(n)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom<1 | 2 | 3>(1, 2, 3), fc.nat(2), fc.array(value, { maxLength: 3 })), {
          maxLength: 8,
        }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 }),
        async (messages, sizes) => {
          const output = new Output();
          const writer = new FrameWriter(output, LIMITS);
          messages.forEach(([type, endpoint, content], id) => {
            writer.message(type, endpoint, id, encodeValue(content), never);
          });
          for (let i = 0; i < 10; i++) await tick();
          const { read } = readAll(cut(output.bytes(), sizes.length > 2 ? sizes : sizes.map((n) => n + 5000)));
          assert.equal(read.length, messages.length);
          for (const { id, value: got } of read) assert.deepStrictEqual(got, messages[id]?.[2]);
          // Those to one endpoint came in their order, questions and one-way messages alike.
          for (const endpoint of [0, 1, 2]) {
            const ids = read.filter((r) => r.endpoint === endpoint && r.type !== FrameType.reply).map((r) => r.id);
            assert.deepEqual(
              ids,
              ids.toSorted((a, b) => a - b),
            );
          }
          assert.equal(writer.queuedBytes, 0);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('of a small message pass those of a large one to another endpoint', async () => {
    const output = new Output(true);
    const writer = new FrameWriter(output, LIMITS);
    const bulk = new Uint8Array(16 * 1024 * 1024);
    writer.message(FrameType.send, 1, 0, encodeValue({ bulk }), never);
    writer.message(FrameType.send, 2, 0, encodeValue('heartbeat'), never);
    writer.message(FrameType.send, 1, 0, encodeValue('behind'), never);
    await tick();
    const ahead = output.bytes().length;
    assert.ok(ahead < 1.1 * 1024 * 1024, `${ahead} bytes in front`);
    assert.deepEqual(
      readAll(output.chunks).read.map((r) => r.value),
      ['heartbeat'],
    );
    assert.ok(writer.queuedBytes > 14 * 1024 * 1024);
    while (output.take()) await tick();
    await tick();
    assert.deepEqual(
      readAll(output.chunks).read.map((r) => (r.value === 'heartbeat' || r.value === 'behind' ? r.value : 'bulk')),
      ['heartbeat', 'bulk', 'behind'],
    );
  });

  it('of large messages take turns', async () => {
    const output = new Output(true);
    const writer = new FrameWriter(output, LIMITS);
    writer.message(FrameType.reply, 0, 1, encodeValue(new Uint8Array(20 * 1024 * 1024)), never);
    writer.message(FrameType.reply, 0, 2, encodeValue(new Uint8Array(1024 * 1024)), never);
    while (output.take()) await tick();
    assert.deepEqual(
      readAll(output.chunks).read.map((r) => r.id),
      [2, 1],
    );
  });

  it('behind a long one fail one by one when the connection closes, however many they are', async () => {
    const output = new Output(true);
    const writer = new FrameWriter(output, LIMITS);
    let failed = 0;
    const count = (): void => void failed++;
    writer.message(FrameType.send, 0, 0, encodeValue(new Uint8Array(4 * 1024 * 1024)), count);
    const body = encodeValue('behind');
    for (let i = 0; i < 130_000; i++) writer.message(FrameType.send, 0, 0, body, count);
    writer.close(new RpcMessageError('closed'));
    assert.equal(failed, 130_001);
  });

  it('behind two long ones stay in order, however many they are', async () => {
    const output = new Output();
    const writer = new FrameWriter(output, LIMITS);
    const long = encodeValue(new Uint8Array(1024 * 1024));
    for (let i = 0; i < 2; i++) writer.message(FrameType.send, 0, 0, long, never);
    for (let i = 0; i < 130_000; i++) writer.message(FrameType.send, 0, 0, encodeValue(i), never);
    while (writer.queuedBytes > 0) await tick();
    const values = readAll(output.chunks)
      .read.map((each) => each.value)
      .slice(2);
    assert.equal(values.length, 130_000);
    assert.ok(values.every((value, i) => value === i));
  });

  it('give bytes memory that typed arrays can lie over, or what was asked for', async () => {
    const output = new Output();
    const writer = new FrameWriter(output, LIMITS);
    for (const n of [1, 8, 9000, 200_001])
      writer.message(FrameType.send, 0, 0, encodeValue([new Uint8Array(n).fill(n), n]), never);
    for (let i = 0; i < 5; i++) await tick();
    for (const { value } of readAll(output.chunks).read) {
      const [bytes, n] = value as [Uint8Array, number];
      assert.equal(bytes.byteOffset % 8, 0);
      assert.deepStrictEqual(bytes, new Uint8Array(n).fill(n));
    }
    const shared = readAll(output.chunks, (n) => new Uint8Array(new SharedArrayBuffer(n))).read;
    for (const { value } of shared) {
      const [bytes, n] = value as [Uint8Array, number];
      assert.ok(bytes.buffer instanceof SharedArrayBuffer);
      assert.deepEqual(Buffer.from(bytes), Buffer.alloc(n, n));
    }
    const { read, broken } = readAll(output.chunks, () => {
      throw new RangeError('full');
    });
    assert.equal(read.length, 0);
    assert.deepEqual(new Set(broken), new Set(['no memory for the bytes of a message: full']));
    assert.equal(broken.length, 4);
  });

  it('of messages that are too large are not made', () => {
    const writer = new FrameWriter(new Output(), LIMITS);
    const send = (value: unknown) => () => writer.message(FrameType.send, 0, 0, encodeValue(value), never);
    assert.throws(
      send('x'.repeat(1024 * 1024)),
      /a message of 1048578 bytes exceeds the maximum of 1048576 bytes: raise spark\.rpc\.message\.maxSize/,
    );
    const big = new Uint8Array(33 * 1024 * 1024);
    assert.throws(send([big, big]), /69206016 bytes attached; at most 67108864/);
    assert.throws(send(Array(65_537).fill(new Uint8Array(0))), RpcMessageError);
  });

  it('fail what is unsent when the connection closes', async () => {
    const output = new Output(true);
    const writer = new FrameWriter(output, LIMITS);
    const failed: string[] = [];
    const note = (name: string) => (error: Error) => failed.push(`${name}: ${error.message}`);
    writer.message(FrameType.send, 1, 0, encodeValue(new Uint8Array(5_000_000)), note('bulk'));
    writer.message(FrameType.send, 1, 0, encodeValue('small'), note('behind'));
    await tick();
    writer.close(new Error('gone'));
    writer.close(new Error('twice'));
    assert.deepEqual(failed, ['bulk: gone', 'behind: gone']);
    assert.equal(writer.queuedBytes, 0);
  });

  it('that break the protocol are refused, before memory is taken', () => {
    const bad: [string, Buffer, RegExp][] = [
      ['too long', frame(1, 0, 0, 0, Buffer.alloc(0), MAX_PAYLOAD_BYTES + 1), /a frame of 1048577 bytes/],
      ['unknown type', frame(99, 0, 0, 0, Buffer.alloc(0)), /unknown type 99/],
      ['data of nothing', frame(FrameType.data, 0, 0, 5, Buffer.alloc(3)), /belongs to no message/],
      ['abort of nothing', frame(FrameType.abort, 0, 0, 5, Buffer.alloc(0)), /was not begun/],
      ['not JSON', frame(FrameType.send, 0, 0, 0, Buffer.from('{')), /not JSON/],
      ['no name', frame(FrameType.name, 0, 0, 0, Buffer.alloc(0)), /name of 0 bytes/],
      ['short parts', frame(FrameType.send, FrameFlag.parts, 0, 0, Buffer.alloc(7)), /cut short/],
    ];
    const sizes = (json: number, ...parts: number[]): Buffer => {
      const out = Buffer.alloc(8 + parts.length * 8);
      out.writeUInt32LE(json, 0);
      out.writeUInt32LE(parts.length, 4);
      parts.forEach((size, i) => {
        out.writeDoubleLE(size, 8 + i * 8);
      });
      return out;
    };
    for (const size of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, 65 * 1024 * 1024]) {
      const stream = Buffer.concat([Buffer.alloc(4), sizes(2, size)]);
      bad.push([`size ${size}`, frame(FrameType.send, FrameFlag.stream, 0, 0, stream), /an attachment of/]);
    }
    bad.push(['sizes that do not add up', frame(1, FrameFlag.parts, 0, 0, sizes(2, 5)), /do not add up/]);
    bad.push([
      'JSON too long',
      frame(1, FrameFlag.stream, 0, 0, Buffer.concat([Buffer.alloc(4), sizes(2 ** 30)])),
      /at most 1048576 are allowed/,
    ]);
    bad.push([
      'many parts',
      frame(1, FrameFlag.stream, 0, 0, Buffer.concat([Buffer.alloc(8), Buffer.from([255, 255, 255, 255])])),
      /cut short/,
    ]);
    const begin = frame(1, FrameFlag.stream, 0, 0, Buffer.concat([Buffer.alloc(4), sizes(2)]));
    bad.push(['begun twice', Buffer.concat([begin, begin]), /begun twice/]);
    bad.push([
      'more than it said',
      Buffer.concat([begin, frame(FrameType.data, 0, 0, 0, Buffer.alloc(3))]),
      /belongs to no message/,
    ]);
    for (const [what, bytes, message] of bad) {
      assert.throws(
        () => readAll([bytes]),
        (error) => error instanceof RpcProtocolError && message.test(error.message),
        what,
      );
    }
  });

  it('of random bytes, or changed ones, are an error or nothing', () => {
    const output = new Output();
    const writer = new FrameWriter(output, LIMITS);
    writer.name(0, 'Box');
    writer.message(FrameType.ask, 0, 1, encodeValue({ type: 'Put', request: new Uint8Array(50) }), never);
    writer.message(FrameType.send, 0, 0, encodeValue([1n, 'é', new Map([[1, 2]])]), never);
    writer.flush();
    const good = output.bytes();
    const safe = (bytes: Buffer): void => {
      try {
        readAll([bytes]);
      } catch (error) {
        assert.ok(error instanceof RpcProtocolError, String(error));
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => safe(Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
        const changed = Buffer.from(good.subarray(0, Math.max(at + 1, end)));
        changed[at] = byte;
        safe(changed);
      }),
      { numRuns: 500 },
    );
  });

  it('have the bytes that they always had', () => {
    const output = new Output();
    const writer = new FrameWriter(output, LIMITS);
    writer.name(3, 'CoarseGrainedScheduler');
    writer.message(FrameType.send, 3, 0, encodeValue({ type: 'KillTask', taskId: 7, reason: 'schön' }), never);
    writer.message(
      FrameType.ask,
      3,
      258,
      encodeValue({ type: 'Put', request: { x: undefined, bytes: new Uint8Array([1, 2, 3]) } }),
      never,
    );
    writer.message(
      FrameType.reply,
      0,
      258,
      encodeValue([Number.NaN, -0, -255n, new Date(5), new Map([['a', new Set([1])]])]),
      never,
    );
    writer.flush();
    const golden = readFileSync(
      new URL(`../../../test/golden/rpc-frames-${PROTOCOL_VERSION}.txt`, import.meta.url),
      'utf8',
    );
    assert.equal(`${output.bytes().toString('hex')}\n`, golden);
  });
});
