// What `spark.network.crypto.enabled` puts between frames and socket: records of AES-256-GCM.
//
//   | length u32 LE | ciphertext: `length` bytes | tag: 16 bytes |
//
// Each direction of each connection has a key of its own, and record n has the nonce n. So no nonce is used twice, and
// a record that was changed, left out, repeated, moved or sent back fails to open.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { RpcProtocolError } from './rpc-errors.ts';

const TAG_BYTES = 16;
/** More than the writer gives at a time: a slab or a chunk of a stream. */
const MAX_RECORD_BYTES: number = 1024 * 1024;

class Nonce {
  readonly bytes: Buffer = Buffer.alloc(12);
  #count = 0;

  next(): Buffer {
    // 2^53 records are more than any connection lives for.
    this.bytes.writeUInt32LE(this.#count >>> 0, 4);
    this.bytes.writeUInt32LE(Math.floor(this.#count / 2 ** 32), 8);
    this.#count++;
    return this.bytes;
  }
}

/** Makes records of what is written. */
export class RecordSealer {
  readonly #key: Buffer;
  readonly #nonce = new Nonce();

  /** @param key 32 bytes, for this direction of this connection alone. */
  constructor(key: Buffer) {
    this.#key = key;
  }

  seal(buffers: readonly Uint8Array[]): Uint8Array[] {
    let length = 0;
    for (const buffer of buffers) length += buffer.length;
    if (length > MAX_RECORD_BYTES) {
      // The writer's pieces are smaller; a larger one is cut.
      const whole = Buffer.concat(buffers);
      const out: Uint8Array[] = [];
      for (let at = 0; at < length; at += MAX_RECORD_BYTES) {
        out.push(...this.seal([whole.subarray(at, at + MAX_RECORD_BYTES)]));
      }
      return out;
    }
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32LE(length, 0);
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce.next());
    cipher.setAAD(header);
    const out: Uint8Array[] = [header];
    for (const buffer of buffers) out.push(cipher.update(buffer));
    cipher.final();
    out.push(cipher.getAuthTag());
    return out;
  }
}

/** Takes records apart again. */
export class RecordOpener {
  readonly #key: Buffer;
  readonly #nonce = new Nonce();
  readonly #onBytes: (bytes: Buffer) => void;
  readonly #header: Buffer = Buffer.alloc(4);
  #headerBytes = 0;
  /** Ciphertext and tag of the record that is coming; its memory is used again for the next. */
  #record: Buffer = Buffer.alloc(0);
  #recordBytes = 0;
  #wanted = 0;

  constructor(key: Buffer, onBytes: (bytes: Buffer) => void) {
    this.#key = key;
    this.#onBytes = onBytes;
  }

  /** @throws RpcProtocolError for anything but the records that the other side sealed, in their order. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#wanted === 0) {
        const n = Math.min(4 - this.#headerBytes, chunk.length - at);
        chunk.copy(this.#header, this.#headerBytes, at, at + n);
        this.#headerBytes += n;
        at += n;
        if (this.#headerBytes < 4) return;
        const length = this.#header.readUInt32LE(0);
        if (length > MAX_RECORD_BYTES) throw new RpcProtocolError(`an encrypted record of ${length} bytes`);
        this.#headerBytes = 0;
        this.#wanted = length + TAG_BYTES;
        this.#recordBytes = 0;
        if (chunk.length - at < this.#wanted && this.#record.length < this.#wanted) {
          this.#record = Buffer.allocUnsafeSlow(
            Math.max(this.#wanted, Math.min(this.#record.length * 2, MAX_RECORD_BYTES)),
          );
        }
      }
      if (this.#recordBytes === 0 && chunk.length - at >= this.#wanted) {
        const end = at + this.#wanted;
        this.#wanted = 0;
        this.#open(chunk.subarray(at, end));
        at = end;
        continue;
      }
      const n = Math.min(this.#wanted - this.#recordBytes, chunk.length - at);
      chunk.copy(this.#record, this.#recordBytes, at, at + n);
      this.#recordBytes += n;
      at += n;
      if (this.#recordBytes === this.#wanted) {
        this.#wanted = 0;
        this.#open(this.#record.subarray(0, this.#recordBytes));
      }
    }
  }

  #open(record: Buffer): void {
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce.next(), { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#header);
    decipher.setAuthTag(record.subarray(record.length - TAG_BYTES));
    const plain = decipher.update(record.subarray(0, record.length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw new RpcProtocolError('an encrypted record that was changed on its way');
    }
    if (plain.length > 0) this.#onBytes(plain);
  }
}
