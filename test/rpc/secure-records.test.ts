import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RpcProtocolError } from '../../src/rpc/rpc-errors.ts';
import { RecordOpener, RecordSealer } from '../../src/rpc/secure-records.ts';

const KEY = Buffer.alloc(32, 9);

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const out: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    out.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  if (at < bytes.length) out.push(bytes.subarray(at));
  return out;
}

function open(chunks: readonly Buffer[]): Buffer {
  const out: Buffer[] = [];
  const opener = new RecordOpener(KEY, (bytes) => out.push(bytes));
  for (const chunk of chunks) opener.push(chunk);
  return Buffer.concat(out);
}

describe('encrypted records', () => {
  it('open to what was sealed, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.uint8Array(), { maxLength: 3 })),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (writes, sizes) => {
          const sealer = new RecordSealer(KEY);
          const sealed = Buffer.concat(writes.flatMap((buffers) => sealer.seal(buffers)));
          assert.deepEqual(open(cut(sealed, sizes)), Buffer.concat(writes.flat()));
        },
      ),
    );
    const large = Buffer.alloc(3_000_000, 5);
    const sealed = Buffer.concat(new RecordSealer(KEY).seal([large, new Uint8Array(new SharedArrayBuffer(10))]));
    assert.deepEqual(open(cut(sealed, Array(100).fill(65_536))), Buffer.concat([large, Buffer.alloc(10)]));
  });

  it('never show the same bytes twice, nor what is in them', () => {
    const sealer = new RecordSealer(KEY);
    const text = Buffer.from('password=tiger');
    const [a, b] = [Buffer.concat(sealer.seal([text])), Buffer.concat(sealer.seal([text]))];
    assert.notDeepEqual(a, b);
    assert.ok(!a.includes(text));
  });

  it('do not open with a bit flipped, anywhere', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.nat(7), (plain, where, bit) => {
        const sealed = Buffer.concat(new RecordSealer(KEY).seal([plain]));
        const at = where % sealed.length;
        sealed[at] = (sealed[at] ?? 0) ^ (1 << bit);
        try {
          // A longer record is not there yet; nothing of it may come out.
          assert.equal(open([sealed]).length, 0);
        } catch (error) {
          assert.ok(error instanceof RpcProtocolError, String(error));
        }
      }),
    );
  });

  it('do not open twice, in another order, or back at their sender', () => {
    const sealer = new RecordSealer(KEY);
    const [a, b] = ['a', 'b'].map((text) => Buffer.concat(sealer.seal([Buffer.from(text)])));
    assert.ok(a && b);
    assert.equal(open([a, b]).toString(), 'ab');
    assert.throws(() => open([a, a]), /changed on its way/);
    assert.throws(() => open([b]), /changed on its way/);
    assert.throws(() => new RecordOpener(Buffer.alloc(32, 8), () => {}).push(a), /changed on its way/);
  });

  it('that would be too long are refused before they are there', () => {
    assert.throws(() => open([Buffer.from([255, 255, 255, 255])]), /an encrypted record of 4294967295 bytes/);
  });
});
