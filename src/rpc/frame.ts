// Frames: what goes over a connection once it stands.
//
//   0        4     5      6          8          12
//   | length | type| flags| endpoint | id       | payload: `length` bytes
//
// All numbers are little-endian. `endpoint` is a number that a Name frame has bound to a name, in this direction of this
// connection. `id` is the ask's (Ask, Reply, Failure) or the stream's (Data, Abort).
//
// The payload of a message is its JSON text. With `parts` it is
//   | json bytes u32 | number of parts u32 | size of each part f64 … | json | part … |
// and with `stream` it is
//   | stream u32 | json bytes u32 | number of parts u32 | size of each part f64 … |
// with the bytes of JSON and parts to come in Data frames, between which other frames may stand.

/** Both sides must have the same; part of every frame of the handshake. */
export const PROTOCOL_VERSION = 1;

export const FRAME_HEADER_BYTES = 12;

/** The longest payload of a frame; a longer message is a stream of frames. */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;

/** The most pieces of bytes in one message; their sizes stand in one frame. */
export const MAX_PARTS: number = 65_536;

/** Streams that take turns in one direction; others wait. Bounds the memory for files that are read ahead. */
export const MAX_STREAMS = 32;

export const FrameType: {
  readonly send: 1;
  readonly ask: 2;
  readonly reply: 3;
  readonly failure: 4;
  readonly data: 5;
  readonly abort: 6;
  readonly name: 7;
} = { send: 1, ask: 2, reply: 3, failure: 4, data: 5, abort: 6, name: 7 };

export type MessageType = 1 | 2 | 3 | 4;

export const FrameFlag: { readonly tagged: 1; readonly ascii: 2; readonly parts: 4; readonly stream: 8 } = {
  /** The JSON has tagged values (`message-codec.ts`). */
  tagged: 1,
  /** The JSON text has one byte a character. */
  ascii: 2,
  parts: 4,
  stream: 8,
};

export function writeHeader(
  target: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  endpoint: number,
  id: number,
): void {
  target.writeUInt32LE(length, at);
  target[at + 4] = type;
  target[at + 5] = flags;
  target.writeUInt16LE(endpoint, at + 6);
  target.writeUInt32LE(id, at + 8);
}
