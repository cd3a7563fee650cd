// Messages to bytes of a connection. Small messages are gathered in a slab and written once a tick. Larger ones are
// streams, which take turns in pieces of at most half a MiB; so a heartbeat waits for a MiB at most, not for a gigabyte.
// Messages to an endpoint stay in order: while one to it is a stream, those behind it wait.
import { type ChunkSource, checkFiles, chunksOf } from './chunk-source.ts';
import { FileRegion } from './file-region.ts';
import {
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  MAX_PARTS,
  MAX_STREAMS,
  type MessageType,
  writeHeader,
} from './frame.ts';
import type { EncodedValue } from './message-codec.ts';
import { RpcConnectionError, RpcMessageError } from './rpc-errors.ts';

/** Longer messages are streams. */
const INLINE_BYTES: number = 64 * 1024;
const SLAB_BYTES: number = 256 * 1024;
/** What the socket may hold of streams; more only delays small messages. */
const WINDOW_BYTES: number = 1024 * 1024;

/** Where bytes go: the socket, or encryption in front of it. `done` is called when the system has them. */
export interface ByteOutput {
  write(buffers: readonly Uint8Array[], done?: () => void): void;
}

/** Called with the reason when a message could not be sent to its end. */
type Failed = (error: Error) => void;

interface Outgoing {
  readonly type: MessageType;
  readonly endpoint: number;
  readonly id: number;
  readonly body: EncodedValue;
  readonly bytes: number;
  readonly failed: Failed;
}

interface OutgoingStream {
  readonly id: number;
  readonly message: Outgoing;
  readonly chunks: ChunkSource;
  remaining: number;
}

export class FrameWriter {
  readonly #output: ByteOutput;
  readonly #maxMessageBytes: number;
  readonly #maxAttachmentBytes: number;
  /** A text of so many UTF-16 units is small for sure: each has three bytes at most. */
  readonly #inlineUnits: number;
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #slabStart = 0;
  #slabEnd = 0;
  #flushScheduled = false;
  /** Endpoints with a message that is a stream, and what waits behind it. */
  readonly #busy = new Map<number, Outgoing[]>();
  #active: OutgoingStream[] = [];
  /** Streams that have not begun. */
  #waiting: Outgoing[] = [];
  #turn = 0;
  #nextStreamId = 1;
  /** Bytes of streams that the socket has and the system not yet. */
  #inSocket = 0;
  /** Bytes of streams, and of what waits behind them, that the socket was not given yet. */
  #queued = 0;
  #closed = false;
  readonly #scheduledFlush = (): void => {
    this.#flushScheduled = false;
    this.flush();
  };

  constructor(output: ByteOutput, limits: { readonly maxMessageBytes: number; readonly maxAttachmentBytes: number }) {
    this.#output = output;
    this.#maxMessageBytes = limits.maxMessageBytes;
    this.#maxAttachmentBytes = limits.maxAttachmentBytes;
    this.#inlineUnits = Math.floor(Math.min(INLINE_BYTES, limits.maxMessageBytes) / 3);
  }

  /** Bytes that the socket was not given yet. */
  get queuedBytes(): number {
    return this.#queued + this.#slabEnd - this.#slabStart;
  }

  name(endpoint: number, name: string): void {
    const bytes = Buffer.from(name);
    const at = this.#reserve(FRAME_HEADER_BYTES + bytes.length);
    writeHeader(this.#slab, at, bytes.length, FrameType.name, 0, endpoint, 0);
    bytes.copy(this.#slab, at + FRAME_HEADER_BYTES);
    this.#slabEnd = at + FRAME_HEADER_BYTES + bytes.length;
  }

  /**
   * @param failed called later, when a file in it cannot be read or the connection closes before all is given to it.
   * @throws RpcMessageError when it is too large.
   */
  message(type: MessageType, endpoint: number, id: number, body: EncodedValue, failed: Failed): void {
    const { json, parts } = body;
    const ordered = type === FrameType.send || type === FrameType.ask;
    const behind = ordered ? this.#busy.get(endpoint) : undefined;
    // The usual case: no bytes, nothing in front.
    if (parts.length === 0 && behind === undefined && json.length <= this.#inlineUnits) {
      this.#inlineText(type, endpoint, id, body);
      return;
    }
    const bytes = this.#measure(body);
    const message: Outgoing = { type, endpoint, id, body, bytes, failed };
    if (behind !== undefined) {
      this.#queued += bytes;
      behind.push(message);
    } else {
      this.#start(message);
    }
  }

  /** Gives the socket all small messages; they go at the end of the tick otherwise. */
  flush(): void {
    if (!this.#closed) this.#writeSlab();
  }

  /** Everything that was not given to the socket fails. */
  close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const unsent: Outgoing[] = [];
    for (const stream of this.#active) {
      unsent.push(stream.message);
      stream.chunks.close();
    }
    // One by one: there may be more than a call has room for arguments.
    for (const message of this.#waiting) unsent.push(message);
    for (const behind of this.#busy.values()) for (const message of behind) unsent.push(message);
    this.#active = [];
    this.#waiting = [];
    this.#busy.clear();
    this.#queued = 0;
    this.#slabStart = this.#slabEnd;
    for (const message of unsent) message.failed(error);
  }

  #measure({ json, parts }: EncodedValue): number {
    const jsonBytes = Buffer.byteLength(json);
    if (jsonBytes > this.#maxMessageBytes) {
      throw new RpcMessageError(
        `a message of ${jsonBytes} bytes exceeds the maximum of ${this.#maxMessageBytes} bytes: raise spark.rpc.message.maxSize or send less at a time`,
      );
    }
    if (parts.length > MAX_PARTS) {
      throw new RpcMessageError(
        `a message with ${parts.length} pieces of bytes; at most ${MAX_PARTS} can travel in one`,
      );
    }
    let attached = 0;
    for (const part of parts) attached += part.length;
    if (attached > this.#maxAttachmentBytes) {
      throw new RpcMessageError(
        `a message with ${attached} bytes attached; at most ${this.#maxAttachmentBytes} can travel in one`,
      );
    }
    return jsonBytes + attached;
  }

  #start(message: Outgoing): void {
    const { parts, json } = message.body;
    const small = FRAME_HEADER_BYTES + 8 + parts.length * 8 + message.bytes <= INLINE_BYTES;
    if (!small || hasFiles(message.body)) {
      this.#stream(message);
    } else if (parts.length === 0 && json.length <= this.#inlineUnits) {
      this.#inlineText(message.type, message.endpoint, message.id, message.body);
    } else {
      this.#inlineParts(message);
    }
  }

  #inlineText(type: MessageType, endpoint: number, id: number, { json, tagged }: EncodedValue): void {
    const at = this.#reserve(FRAME_HEADER_BYTES + json.length * 3);
    const written = this.#slab.write(json, at + FRAME_HEADER_BYTES, 'utf8');
    const flags = (tagged ? FrameFlag.tagged : 0) | (written === json.length ? FrameFlag.ascii : 0);
    writeHeader(this.#slab, at, written, type, flags, endpoint, id);
    this.#slabEnd = at + FRAME_HEADER_BYTES + written;
  }

  #inlineParts({ type, endpoint, id, body, bytes }: Outgoing): void {
    const { json, tagged, parts } = body;
    const length = 8 + parts.length * 8 + bytes;
    const header = this.#reserve(FRAME_HEADER_BYTES + length);
    const slab = this.#slab;
    let at = writeSizes(slab, header + FRAME_HEADER_BYTES, parts);
    const jsonBytes = slab.write(json, at, 'utf8');
    slab.writeUInt32LE(jsonBytes, header + FRAME_HEADER_BYTES);
    at += jsonBytes;
    for (const part of parts) {
      if (part instanceof FileRegion) continue; // files are streams
      slab.set(part, at);
      at += part.length;
    }
    const flags = (tagged ? FrameFlag.tagged : 0) | FrameFlag.parts | (jsonBytes === json.length ? FrameFlag.ascii : 0);
    writeHeader(slab, header, length, type, flags, endpoint, id);
    this.#slabEnd = at;
  }

  #stream(message: Outgoing): void {
    if (message.type === FrameType.send || message.type === FrameType.ask) {
      if (!this.#busy.has(message.endpoint)) this.#busy.set(message.endpoint, []);
    }
    this.#queued += message.bytes;
    if (!hasFiles(message.body)) {
      this.#waiting.push(message);
      this.#pump();
      return;
    }
    // A file that is not there is told as an error of the message, before any of it is sent.
    checkFiles(message.body.parts).then(
      () => {
        if (this.#closed) {
          message.failed(new RpcConnectionError('the connection closed before the files were read'));
          return;
        }
        this.#waiting.push(message);
        this.#pump();
      },
      (error: Error) => {
        if (!this.#closed) this.#queued -= message.bytes;
        message.failed(error);
        if (!this.#closed) this.#next(message);
      },
    );
  }

  #begin(message: Outgoing): void {
    const { type, endpoint, id, body } = message;
    const json = Buffer.from(body.json);
    const length = 12 + body.parts.length * 8;
    const at = this.#reserve(FRAME_HEADER_BYTES + length);
    const streamId = this.#nextStreamId;
    this.#nextStreamId = (streamId + 1) >>> 0;
    const ascii = json.length === body.json.length ? FrameFlag.ascii : 0;
    const flags = FrameFlag.stream | (body.tagged ? FrameFlag.tagged : 0) | ascii;
    writeHeader(this.#slab, at, length, type, flags, endpoint, id);
    this.#slab.writeUInt32LE(streamId, at + FRAME_HEADER_BYTES);
    this.#slab.writeUInt32LE(json.length, at + FRAME_HEADER_BYTES + 4);
    writeSizes(this.#slab, at + FRAME_HEADER_BYTES + 4, body.parts);
    this.#slabEnd = at + FRAME_HEADER_BYTES + length;
    const stream: OutgoingStream = {
      id: streamId,
      message,
      chunks: chunksOf(
        [json, ...body.parts],
        () => this.#pump(),
        (error) => this.#abort(stream, error),
      ),
      remaining: message.bytes,
    };
    this.#active.push(stream);
  }

  /** Hands chunks to the socket while it has room for them, one of each stream in turn. */
  #pump(): void {
    while (!this.#closed && this.#inSocket < WINDOW_BYTES) {
      while (this.#active.length < MAX_STREAMS) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        this.#begin(next);
      }
      if (!this.#writeNext()) return;
    }
  }

  /** Writes a chunk of the first stream, from the one whose turn it is, that has one. */
  #writeNext(): boolean {
    for (let i = 0; i < this.#active.length; i++) {
      const index = (this.#turn + i) % this.#active.length;
      const stream = this.#active[index];
      const chunk = stream?.chunks.take();
      if (stream === undefined || chunk === undefined || chunk === null) continue;
      this.#turn = index + 1;
      const { length } = chunk;
      const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
      writeHeader(header, 0, length, FrameType.data, 0, 0, stream.id);
      stream.remaining -= length;
      this.#queued -= length;
      this.#inSocket += length;
      this.#writeSlab();
      const { buffers } = chunk;
      // Many small pieces cost more to hand over one by one than to copy.
      const bytes = buffers.length > 16 ? [Buffer.concat(buffers)] : buffers;
      this.#output.write([header, ...bytes], () => {
        this.#inSocket -= length;
        chunk.release();
        this.#pump();
      });
      if (stream.remaining === 0) this.#end(stream);
      return true;
    }
    return false;
  }

  #abort(stream: OutgoingStream, error: Error): void {
    if (this.#closed) return;
    const reason = Buffer.from(error.message.slice(0, 4096));
    const at = this.#reserve(FRAME_HEADER_BYTES + reason.length);
    writeHeader(this.#slab, at, reason.length, FrameType.abort, 0, 0, stream.id);
    reason.copy(this.#slab, at + FRAME_HEADER_BYTES);
    this.#slabEnd = at + FRAME_HEADER_BYTES + reason.length;
    this.#queued -= stream.remaining;
    // A reply that breaks off is told by the abort; who else waits is on this side.
    if (stream.message.type === FrameType.send || stream.message.type === FrameType.ask) stream.message.failed(error);
    this.#end(stream);
    this.#pump();
  }

  #end(stream: OutgoingStream): void {
    stream.chunks.close();
    const index = this.#active.indexOf(stream);
    if (index >= 0) this.#active.splice(index, 1);
    if (this.#turn > index) this.#turn--;
    this.#next(stream.message);
  }

  /** What waited behind a message to the same endpoint goes on, up to the next stream. */
  #next({ type, endpoint }: Outgoing): void {
    if (type !== FrameType.send && type !== FrameType.ask) return;
    const behind = this.#busy.get(endpoint);
    this.#busy.delete(endpoint);
    if (behind === undefined) return;
    for (const [i, message] of behind.entries()) {
      this.#queued -= message.bytes;
      this.#start(message);
      if (!this.#busy.has(endpoint)) continue;
      // That is a stream, behind which nothing waits yet.
      this.#busy.set(endpoint, behind.slice(i + 1));
      return;
    }
  }

  /** Room for one frame in the slab; where it starts. */
  #reserve(bytes: number): number {
    if (this.#slabEnd + bytes > this.#slab.length) {
      this.#writeSlab();
      // The old one is written from, and goes when that is done.
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
      this.#slabStart = 0;
      this.#slabEnd = 0;
    }
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#scheduledFlush);
    }
    return this.#slabEnd;
  }

  #writeSlab(): void {
    if (this.#slabEnd === this.#slabStart) return;
    const bytes = this.#slab.subarray(this.#slabStart, this.#slabEnd);
    this.#slabStart = this.#slabEnd;
    this.#output.write([bytes]);
  }
}

/** Writes number and sizes of parts, leaving four bytes for the JSON's size in front. @returns the end */
function writeSizes(target: Buffer, at: number, parts: readonly (Uint8Array | FileRegion)[]): number {
  let next = target.writeUInt32LE(parts.length, at + 4);
  for (const part of parts) next = target.writeDoubleLE(part.length, next);
  return next;
}

function hasFiles({ parts }: EncodedValue): boolean {
  return parts.some((part) => part instanceof FileRegion);
}
