// Bytes of a connection to messages. It copies each byte of a stream once, from the chunk that came to the memory that
// the message keeps; a message within one chunk is read in place.
import { FRAME_HEADER_BYTES, FrameFlag, FrameType, MAX_PARTS, MAX_PAYLOAD_BYTES, MAX_STREAMS } from './frame.ts';
import { decodeValue } from './message-codec.ts';
import { RpcProtocolError } from './rpc-errors.ts';

/** Gets what was read, in order. */
export interface FrameSink {
  /** A name frame: from now on the other side calls the endpoint by this number. */
  onName(endpoint: number, name: string): void;
  onMessage(type: number, endpoint: number, id: number, value: unknown): void;
  /** A message that began and will not come: its sender could not read a file, or there was no memory for it here. */
  onBroken(type: number, endpoint: number, id: number, reason: string): void;
  /** Memory for one piece of bytes of a message; absent: any. */
  allocatorFor(type: number, endpoint: number, id: number): ((byteLength: number) => Uint8Array) | undefined;
}

export interface ReadLimits {
  /** Bytes of JSON in one message. */
  readonly maxMessageBytes: number;
  /** Bytes of all attachments of one message. */
  readonly maxAttachmentBytes: number;
}

/** Smaller pieces of bytes are copied, so that holding one does not hold the chunk it came in. */
const COPY_BELOW_BYTES = 8192;

interface IncomingStream {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly endpoint: number;
  readonly id: number;
  readonly json: Buffer;
  readonly sizes: readonly number[];
  readonly allocate: ((byteLength: number) => Uint8Array) | undefined;
  readonly parts: Uint8Array[];
  /** What is being filled: the JSON, then part after part. */
  target: Buffer;
  filled: number;
  /** Bytes of the whole message still to come. */
  remaining: number;
  /** Set when there is no memory: the rest is read and dropped. */
  failed: string | null;
}

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: ReadLimits;
  readonly #copyBelow: number;
  readonly #streams = new Map<number, IncomingStream>();
  readonly #header: Buffer = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  /** A payload of which only a part is there yet; null between frames. */
  #partial: Buffer | null = null;
  #partialBytes = 0;
  /** The stream whose data frame is being read, and how much of the frame is to come. */
  #stream: IncomingStream | null = null;
  #streamBytes = 0;

  /** @param reusesChunks the memory of a chunk is filled again after `push`: nothing may keep a part of it. */
  constructor(sink: FrameSink, limits: ReadLimits, reusesChunks = false) {
    this.#copyBelow = reusesChunks ? Number.POSITIVE_INFINITY : COPY_BELOW_BYTES;
    this.#sink = sink;
    this.#limits = limits;
  }

  /** @throws RpcProtocolError when the bytes break the protocol; nothing may be pushed after that. */
  push(chunk: Buffer): void {
    let at = 0;
    const end = chunk.length;
    while (at < end) {
      if (this.#streamBytes > 0) {
        const n = Math.min(this.#streamBytes, end - at);
        this.#streamBytes -= n;
        this.#fill(chunk, at, n);
        at += n;
        continue;
      }
      if (this.#partial !== null) {
        const n = Math.min(this.#partial.length - this.#partialBytes, end - at);
        chunk.copy(this.#partial, this.#partialBytes, at, at + n);
        this.#partialBytes += n;
        at += n;
        if (this.#partialBytes < this.#partial.length) return;
        const payload = this.#partial;
        this.#partial = null;
        this.#frame(this.#header, 0, payload, 0, payload.length);
        continue;
      }
      let header = chunk;
      let headerAt = at;
      if (this.#headerBytes > 0 || end - at < FRAME_HEADER_BYTES) {
        const n = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, end - at);
        chunk.copy(this.#header, this.#headerBytes, at, at + n);
        this.#headerBytes += n;
        at += n;
        if (this.#headerBytes < FRAME_HEADER_BYTES) return;
        this.#headerBytes = 0;
        header = this.#header;
        headerAt = 0;
      } else {
        at += FRAME_HEADER_BYTES;
      }
      const length = header.readUInt32LE(headerAt);
      if (length > MAX_PAYLOAD_BYTES) {
        throw new RpcProtocolError(`a frame of ${length} bytes; at most ${MAX_PAYLOAD_BYTES} are allowed`);
      }
      if (header[headerAt + 4] === FrameType.data) {
        this.#beginData(header.readUInt32LE(headerAt + 8), length);
      } else if (end - at >= length) {
        this.#frame(header, headerAt, chunk, at, length);
        at += length;
      } else {
        if (header !== this.#header) header.copy(this.#header, 0, headerAt, headerAt + FRAME_HEADER_BYTES);
        this.#partial = Buffer.allocUnsafe(length);
        this.#partialBytes = 0;
      }
    }
  }

  #beginData(id: number, length: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || length === 0 || length > stream.remaining) {
      throw new RpcProtocolError(`a data frame of ${length} bytes that belongs to no message`);
    }
    this.#stream = stream;
    this.#streamBytes = length;
  }

  #frame(header: Buffer, headerAt: number, payload: Buffer, at: number, length: number): void {
    const type = header[headerAt + 4] ?? 0;
    const flags = header[headerAt + 5] ?? 0;
    const endpoint = header.readUInt16LE(headerAt + 6);
    const id = header.readUInt32LE(headerAt + 8);
    switch (type) {
      case FrameType.send:
      case FrameType.ask:
      case FrameType.reply:
      case FrameType.failure:
        if ((flags & FrameFlag.stream) !== 0) this.#beginStream(type, flags, endpoint, id, payload, at, length);
        else this.#message(type, flags, endpoint, id, payload, at, length);
        return;
      case FrameType.abort: {
        const stream = this.#streams.get(id);
        if (stream === undefined) throw new RpcProtocolError('the abort of a message that was not begun');
        this.#streams.delete(id);
        const reason = stream.failed ?? payload.toString('utf8', at, at + length);
        this.#sink.onBroken(stream.type, stream.endpoint, stream.id, reason);
        return;
      }
      case FrameType.name:
        if (length === 0 || length > 512) throw new RpcProtocolError(`an endpoint's name of ${length} bytes`);
        this.#sink.onName(endpoint, payload.toString('utf8', at, at + length));
        return;
      default:
        throw new RpcProtocolError(`a frame of unknown type ${type}`);
    }
  }

  #message(
    type: number,
    flags: number,
    endpoint: number,
    id: number,
    payload: Buffer,
    at: number,
    length: number,
  ): void {
    const end = at + length;
    let jsonBytes = length;
    let parts: Uint8Array[] = [];
    if ((flags & FrameFlag.parts) !== 0) {
      const sizes = this.#readSizes(payload, at, length);
      jsonBytes = payload.readUInt32LE(at);
      at += 8 + sizes.length * 8;
      let partAt = at + jsonBytes;
      let total = partAt;
      for (const size of sizes) total += size;
      if (total !== end) throw new RpcProtocolError('a message whose sizes do not add up');
      const allocate = this.#sink.allocatorFor(type, endpoint, id);
      try {
        parts = sizes.map((size) => {
          const bytes = payload.subarray(partAt, partAt + size);
          partAt += size;
          return own(bytes, this.#copyBelow, allocate);
        });
      } catch (error) {
        this.#sink.onBroken(type, endpoint, id, noMemory(error));
        return;
      }
    } else {
      this.#checkText(jsonBytes);
    }
    const text = readText(payload, at, at + jsonBytes, flags);
    this.#sink.onMessage(type, endpoint, id, decodeValue(text, (flags & FrameFlag.tagged) !== 0, parts));
  }

  #checkText(bytes: number): void {
    const { maxMessageBytes } = this.#limits;
    if (bytes <= maxMessageBytes) return;
    throw new RpcProtocolError(
      `a message of ${bytes} bytes; at most ${maxMessageBytes} are allowed (spark.rpc.message.maxSize)`,
    );
  }

  /** @param at where the JSON's size stands, in front of the number of parts. */
  #readSizes(payload: Buffer, at: number, length: number): number[] {
    const count = length >= 8 ? payload.readUInt32LE(at + 4) : 0;
    if (length < 8 || count > MAX_PARTS || length < 8 + count * 8) throw new RpcProtocolError('a message cut short');
    this.#checkText(payload.readUInt32LE(at));
    const sizes: number[] = [];
    let total = 0;
    for (let i = 0; i < count; i++) {
      const size = payload.readDoubleLE(at + 8 + i * 8);
      total += size;
      if (!Number.isSafeInteger(size) || size < 0 || total > this.#limits.maxAttachmentBytes) {
        throw new RpcProtocolError(
          `an attachment of ${size} bytes; all of a message may have ${this.#limits.maxAttachmentBytes}`,
        );
      }
      sizes.push(size);
    }
    return sizes;
  }

  #beginStream(
    type: number,
    flags: number,
    endpoint: number,
    id: number,
    payload: Buffer,
    at: number,
    length: number,
  ): void {
    if (length < 12) throw new RpcProtocolError('a message cut short');
    const streamId = payload.readUInt32LE(at);
    const sizes = this.#readSizes(payload, at + 4, length - 4);
    if (length !== 12 + sizes.length * 8) throw new RpcProtocolError('a message whose sizes do not add up');
    if (this.#streams.has(streamId) || this.#streams.size >= MAX_STREAMS) {
      throw new RpcProtocolError(`a message that was begun twice, or is one of more than ${MAX_STREAMS}`);
    }
    const jsonBytes = payload.readUInt32LE(at + 4);
    const json = Buffer.allocUnsafe(jsonBytes);
    const allocate = this.#sink.allocatorFor(type, endpoint, id);
    let remaining = jsonBytes;
    for (const size of sizes) remaining += size;
    if (remaining === 0) throw new RpcProtocolError('a message without content');
    this.#streams.set(streamId, {
      streamId,
      type,
      flags,
      endpoint,
      id,
      json,
      sizes,
      allocate,
      parts: [],
      target: json,
      filled: 0,
      remaining,
      failed: null,
    });
  }

  /** Puts `n` bytes of a data frame where they belong, and hands the message on when it is whole. */
  #fill(chunk: Buffer, at: number, n: number): void {
    const stream = this.#stream;
    if (stream === null) return;
    stream.remaining -= n;
    while (n > 0 && stream.failed === null) {
      if (stream.filled === stream.target.length) {
        this.#nextPart(stream);
        continue;
      }
      const take = Math.min(n, stream.target.length - stream.filled);
      copyBytes(chunk.subarray(at, at + take), stream.target, stream.filled);
      stream.filled += take;
      at += take;
      n -= take;
    }
    if (stream.remaining > 0) return;
    this.#streams.delete(stream.streamId);
    this.#stream = null;
    // Empty pieces at the end have no bytes that would have begun them.
    while (stream.failed === null && stream.parts.length < stream.sizes.length) this.#nextPart(stream);
    if (stream.failed !== null) {
      this.#sink.onBroken(stream.type, stream.endpoint, stream.id, stream.failed);
      return;
    }
    const text = readText(stream.json, 0, stream.json.length, stream.flags);
    const value = decodeValue(text, (stream.flags & FrameFlag.tagged) !== 0, stream.parts);
    this.#sink.onMessage(stream.type, stream.endpoint, stream.id, value);
  }

  #nextPart(stream: IncomingStream): void {
    try {
      const part = allocateWith(stream.allocate, stream.sizes[stream.parts.length] ?? 0);
      stream.parts.push(part);
      stream.target = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      stream.filled = 0;
    } catch (error) {
      stream.failed = noMemory(error);
    }
  }
}

function readText(payload: Buffer, from: number, to: number, flags: number): string {
  return payload.toString((flags & FrameFlag.ascii) !== 0 ? 'latin1' : 'utf8', from, to);
}

/** The bytes in memory that starts at a multiple of 8, so that typed arrays can lie over it. */
function own(
  bytes: Uint8Array,
  copyBelow: number,
  allocate: ((byteLength: number) => Uint8Array) | undefined,
): Uint8Array {
  if (allocate === undefined && bytes.length >= copyBelow && bytes.byteOffset % 8 === 0) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  const copy = allocateWith(allocate, bytes.length);
  copyBytes(bytes, Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength), 0);
  return copy;
}

/**
 * Copies all of `source`. `fill` with a source as long as the range is one memcpy; `set` goes byte by byte into shared
 * memory unless both sides are aligned alike, which is seven times slower.
 */
function copyBytes(source: Uint8Array, target: Buffer, at: number): void {
  if (source.length > 0) target.fill(source, at, at + source.length);
}

function allocateWith(allocate: ((byteLength: number) => Uint8Array) | undefined, byteLength: number): Uint8Array {
  if (allocate === undefined) {
    // Not zeroed: every byte is filled before anybody sees it. From a pool it would start anywhere.
    const memory = Buffer.allocUnsafeSlow(byteLength);
    return new Uint8Array(memory.buffer, memory.byteOffset, byteLength);
  }
  const memory = allocate(byteLength);
  if (memory.length !== byteLength) throw new RangeError(`asked for ${byteLength} bytes, got ${memory.length}`);
  return memory;
}

function noMemory(error: unknown): string {
  return `no memory for the bytes of a message: ${error instanceof Error ? error.message : String(error)}`;
}
