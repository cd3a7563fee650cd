// Frames of the handshake. This layout, and the body of Refuse, stay as they are in all versions, so that two versions
// can tell each other why they part.
//
//   0       4           6      7     8          12
//   | ISKR  | version   | kind | 0   | length   | body: JSON, `length` bytes
import { PROTOCOL_VERSION } from './frame.ts';

export const HandshakeKind: {
  readonly hello: 1;
  readonly challenge: 2;
  readonly proof: 3;
  readonly accept: 4;
  readonly refuse: 5;
} = { hello: 1, challenge: 2, proof: 3, accept: 4, refuse: 5 };

export interface HandshakeFrame {
  readonly version: number;
  readonly kind: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** As it came; proofs cover it. */
  readonly raw: Buffer;
}

const MAGIC: Buffer = Buffer.from('ISKR');
const HEADER_BYTES = 12;
/** Anybody may send one, before it is known who. */
const MAX_BODY_BYTES = 4096;

export function handshakeFrame(
  kind: number,
  body: Readonly<Record<string, unknown>>,
  version: number = PROTOCOL_VERSION,
): Buffer {
  const json = Buffer.from(JSON.stringify(body));
  const frame = Buffer.alloc(HEADER_BYTES + json.length);
  MAGIC.copy(frame);
  frame.writeUInt16LE(version, 4);
  frame[6] = kind;
  frame.writeUInt32LE(json.length, 8);
  json.copy(frame, HEADER_BYTES);
  return frame;
}

/** Bytes that are no handshake: somebody else's protocol, or garbage. */
export class NotIskra extends Error {}

/** Cuts the handshake's frames from what comes in. */
export class HandshakeReader {
  #bytes: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** @returns the next frame, or null when it is not there yet. @throws NotIskra */
  next(): HandshakeFrame | null {
    const bytes = this.#bytes;
    const magic = bytes.subarray(0, Math.min(4, bytes.length));
    if (!magic.equals(MAGIC.subarray(0, magic.length))) throw new NotIskra('bytes that are not Iskra RPC');
    if (bytes.length < HEADER_BYTES) return null;
    const length = bytes.readUInt32LE(8);
    if (length > MAX_BODY_BYTES) throw new NotIskra(`a handshake of ${length} bytes`);
    const end = HEADER_BYTES + length;
    if (bytes.length < end) return null;
    let body: unknown;
    try {
      body = JSON.parse(bytes.toString('utf8', HEADER_BYTES, end));
    } catch {
      throw new NotIskra('a handshake that is not JSON');
    }
    if (typeof body !== 'object' || body === null) throw new NotIskra('a handshake without content');
    this.#bytes = bytes.subarray(end);
    return {
      version: bytes.readUInt16LE(4),
      kind: bytes[6] ?? 0,
      body: body as Record<string, unknown>,
      raw: bytes.subarray(0, end),
    };
  }

  /** What came behind the handshake. */
  rest(): Buffer {
    return this.#bytes;
  }
}
