// Who is there, and do we speak the same? Decides only: messages in, messages out; `connection.ts` has the socket.
//
//   client                                    server
//     Hello  {name, auth, nonce, key, …}  ──►
//                                         ◄──  Challenge {nonce, key}         only with authentication
//     Proof  {mac}                        ──►                                 only with authentication
//                                         ◄──  Accept {name, mac}             or Refuse {reason}, from either side
//
// With authentication both sides hold a secret. Session keys are HKDF-SHA256(secret, X25519 of two one-time keys), salted
// by the hash of Hello and Challenge as they were sent. Each side proves by an HMAC under a key of its role that it has
// the same. So a recorded handshake proves nothing later (nonces and one-time keys are new), a changed Hello (another
// policy or version) breaks both proofs, a proof cannot be sent back to its maker, and whoever learns the secret later
// cannot read what was recorded. The server is the second to prove; it tells nothing to who has no secret.
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { PROTOCOL_VERSION } from './frame.ts';
import { type HandshakeFrame, HandshakeKind, handshakeFrame } from './handshake-frames.ts';
import type { RpcAddress } from './rpc-address.ts';
import { RpcHandshakeError } from './rpc-errors.ts';
import type { RpcSecurity } from './security.ts';

/** What the two have settled. Keys are null without encryption. */
export interface HandshakeResult {
  readonly peerName: string;
  readonly advertised: RpcAddress | null;
  readonly keyId: string | null;
  readonly sendKey: Buffer | null;
  readonly receiveKey: Buffer | null;
}

export interface HandshakeStep {
  /** To be sent, in order; a refusal too. */
  readonly send: readonly Buffer[];
  readonly result: HandshakeResult | null;
}

export interface HandshakeSelf {
  readonly name: string;
  readonly advertised: RpcAddress | null;
  readonly security: RpcSecurity;
  /** Random bytes; tests give their own. */
  readonly random?: (bytes: number) => Buffer;
}

/** A handshake that ends here. `refusal` is for the other side. */
export class RefusedHandshake extends RpcHandshakeError {
  readonly refusal: Buffer | null;
  constructor(message: string, refusal: Buffer | null, details: Readonly<Record<string, unknown>> = {}) {
    super(message, details);
    this.refusal = refusal;
  }
}

const NONCE_BYTES = 32;
/** Says nothing of which ids there are. */
const WRONG_SECRET = 'authentication failed: the two sides do not have the same secret (spark.authenticate.secret)';
const NEEDS_AUTHENTICATION = 'this server requires authentication; set spark.authenticate=true and give the secret';

/** The side that connects. */
export class ClientHandshake {
  readonly #self: HandshakeSelf;
  readonly #key: OneTimeKey | null;
  readonly #hello: Buffer;
  #session: Session | null = null;

  constructor(self: HandshakeSelf) {
    this.#self = self;
    const { security } = self;
    const random = self.random ?? randomBytes;
    this.#key = security.kind === 'secret' ? oneTimeKey(random(32)) : null;
    this.#hello = handshakeFrame(HandshakeKind.hello, {
      name: self.name,
      advertised: self.advertised,
      authenticate: security.kind === 'secret',
      encrypt: security.kind === 'secret' && security.encrypt,
      keyId: security.kind === 'secret' ? security.keyId : null,
      nonce: security.kind === 'secret' ? random(NONCE_BYTES).toString('hex') : null,
      key: this.#key?.shown ?? null,
    });
  }

  hello(): Buffer {
    return this.#hello;
  }

  /** @throws RefusedHandshake */
  receive(frame: HandshakeFrame): HandshakeStep {
    const { security } = this.#self;
    if (frame.kind === HandshakeKind.refuse) throw new RefusedHandshake(refusalText(frame), null);
    checkVersion(frame);
    if (
      frame.kind === HandshakeKind.challenge &&
      security.kind === 'secret' &&
      this.#key !== null &&
      this.#session === null
    ) {
      const { nonce, key } = frame.body;
      if (!is32Bytes(nonce) || typeof key !== 'string') throw malformed('challenge');
      const secret = security.secret;
      this.#session = sessionOf([this.#hello, frame.raw], secret, this.#key, key);
      return {
        send: [handshakeFrame(HandshakeKind.proof, { mac: this.#session.clientProof.toString('hex') })],
        result: null,
      };
    }
    if (frame.kind !== HandshakeKind.accept) throw malformed('answer');
    const { name, mac, advertised } = frame.body;
    if (typeof name !== 'string') throw malformed('answer');
    if (security.kind === 'secret') {
      if (this.#session === null) {
        throw refuse('the server does not authenticate, but spark.authenticate is true at the client');
      }
      if (!sameMac(mac, this.#session.serverProof)) throw refuse(WRONG_SECRET);
    }
    return {
      send: [],
      result: {
        peerName: name.slice(0, 200),
        advertised: parseAdvertised(advertised),
        keyId: security.kind === 'secret' ? security.keyId : null,
        sendKey: security.kind === 'secret' && security.encrypt ? (this.#session?.clientKey ?? null) : null,
        receiveKey: security.kind === 'secret' && security.encrypt ? (this.#session?.serverKey ?? null) : null,
      },
    };
  }
}

/** The side that is connected to. */
export class ServerHandshake {
  readonly #self: HandshakeSelf;
  #client: { readonly name: string; readonly advertised: RpcAddress | null; readonly keyId: string } | null = null;
  #session: Session | null = null;
  #known = false;

  constructor(self: HandshakeSelf) {
    this.#self = self;
  }

  /** @throws RefusedHandshake */
  receive(frame: HandshakeFrame): HandshakeStep {
    if (frame.kind === HandshakeKind.refuse) throw new RefusedHandshake(refusalText(frame), null);
    checkVersion(frame);
    if (frame.kind === HandshakeKind.hello && this.#client === null) return this.#hello(frame);
    if (frame.kind === HandshakeKind.proof && this.#session !== null && this.#client !== null)
      return this.#proof(frame);
    throw malformed('message');
  }

  #hello(frame: HandshakeFrame): HandshakeStep {
    const { security } = this.#self;
    const { name, authenticate, encrypt, keyId, nonce, key } = frame.body;
    if (typeof name !== 'string' || typeof authenticate !== 'boolean' || typeof encrypt !== 'boolean')
      throw malformed('hello');
    const advertised = parseAdvertised(frame.body['advertised']);
    if (security.kind === 'none') {
      if (authenticate) throw refuse('this server does not authenticate, but spark.authenticate is true at the client');
      const result = { peerName: name.slice(0, 200), advertised, keyId: null, sendKey: null, receiveKey: null };
      return { send: [this.#accept(null)], result };
    }
    if (!authenticate) throw refuse(NEEDS_AUTHENTICATION);
    if (encrypt !== security.encrypt) {
      throw refuse(
        `spark.network.crypto.enabled is ${security.encrypt} at the server and ${encrypt} at the client; it must be the same`,
      );
    }
    if (typeof keyId !== 'string' || keyId.length > 200 || !is32Bytes(nonce) || typeof key !== 'string')
      throw malformed('hello');
    const random = this.#self.random ?? randomBytes;
    const own = oneTimeKey(random(32));
    const challenge = handshakeFrame(HandshakeKind.challenge, {
      nonce: random(NONCE_BYTES).toString('hex'),
      key: own.shown,
    });
    const secret = security.secretFor(keyId);
    this.#known = secret !== null;
    // An unknown id is asked for its proof like any other, and fails by it.
    this.#session = sessionOf([frame.raw, challenge], secret ?? random(32), own, key);
    this.#client = { name: name.slice(0, 200), advertised, keyId };
    return { send: [challenge], result: null };
  }

  #proof(frame: HandshakeFrame): HandshakeStep {
    const { security } = this.#self;
    const session = this.#session;
    const client = this.#client;
    if (session === null || client === null || security.kind !== 'secret') throw malformed('proof');
    const proven = sameMac(frame.body['mac'], session.clientProof);
    if (!proven || !this.#known) throw refuse(WRONG_SECRET, { name: client.name, keyId: client.keyId });
    return {
      send: [this.#accept(session.serverProof)],
      result: {
        peerName: client.name,
        advertised: client.advertised,
        keyId: client.keyId,
        sendKey: security.encrypt ? session.serverKey : null,
        receiveKey: security.encrypt ? session.clientKey : null,
      },
    };
  }

  #accept(proof: Buffer | null): Buffer {
    const { name, advertised } = this.#self;
    return handshakeFrame(HandshakeKind.accept, {
      name,
      advertised,
      mac: proof === null ? null : proof.toString('hex'),
    });
  }
}

interface OneTimeKey {
  readonly secret: KeyObject;
  /** The public part, base64url. */
  readonly shown: string;
}

/** DER of a PKCS#8 X25519 private key up to its 32 bytes (RFC 8410). */
const X25519_PREFIX: Buffer = Buffer.from('302e020100300506032b656e04220420', 'hex');

function oneTimeKey(seed: Buffer): OneTimeKey {
  const secret = createPrivateKey({ key: Buffer.concat([X25519_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(secret).export({ format: 'jwk' });
  return { secret, shown: x ?? '' };
}

interface Session {
  readonly clientProof: Buffer;
  readonly serverProof: Buffer;
  /** Encrypts what the client sends. */
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
}

function sessionOf(transcript: readonly Buffer[], secret: Uint8Array, own: OneTimeKey, theirs: string): Session {
  let shared: Buffer;
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: theirs }, format: 'jwk' });
    shared = diffieHellman({ privateKey: own.secret, publicKey });
  } catch {
    throw malformed('key');
  }
  const hash = createHash('sha256');
  for (const frame of transcript) hash.update(frame);
  const salt = hash.digest();
  // The shared part has a fixed length, so that the two cannot run into each other.
  const material = Buffer.concat([shared, secret]);
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', material, salt, `iskra rpc: ${use}`, 32));
  const prove = (use: string): Buffer => createHmac('sha256', derive(use)).update(salt).digest();
  return {
    clientProof: prove('client proof'),
    serverProof: prove('server proof'),
    clientKey: derive('client to server'),
    serverKey: derive('server to client'),
  };
}

function sameMac(shown: unknown, expected: Buffer): boolean {
  const given = Buffer.from(typeof shown === 'string' && is32Bytes(shown) ? shown : '', 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** As both sides write nonces and proofs. */
function is32Bytes(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function checkVersion({ version }: HandshakeFrame): void {
  if (version === PROTOCOL_VERSION) return;
  throw refuse(
    `protocolVersion ${version} on one side and ${PROTOCOL_VERSION} on the other: run the same Iskra on both`,
  );
}

/** @param details for the log on this side */
function refuse(reason: string, details: Readonly<Record<string, unknown>> = {}): RefusedHandshake {
  return new RefusedHandshake(reason, handshakeFrame(HandshakeKind.refuse, { reason }), details);
}

function malformed(what: string): RefusedHandshake {
  return refuse(`a handshake whose ${what} makes no sense`);
}

/** What the other side says, as one line of text: it may be anybody. */
function refusalText({ body }: HandshakeFrame): string {
  const reason = body['reason'];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return typeof reason === 'string' ? reason.slice(0, 500).replace(/[\x00-\x1f\x7f-\x9f]/g, ' ') : 'no reason given';
}

function parseAdvertised(value: unknown): RpcAddress | null {
  if (typeof value !== 'object' || value === null) return null;
  const { host, port } = value as Record<string, unknown>;
  const good = typeof host === 'string' && host.length <= 255 && typeof port === 'number' && Number.isInteger(port);
  return good && port > 0 && port <= 65535 ? { host, port } : null;
}
