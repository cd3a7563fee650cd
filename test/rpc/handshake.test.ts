import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PROTOCOL_VERSION } from '../../src/rpc/frame.ts';
import {
  ClientHandshake,
  type HandshakeResult,
  type HandshakeSelf,
  RefusedHandshake,
  ServerHandshake,
} from '../../src/rpc/handshake.ts';
import { type HandshakeFrame, HandshakeKind, HandshakeReader, handshakeFrame } from '../../src/rpc/handshake-frames.ts';
import { type RpcSecurity, type SecretSecurity, sharedSecret } from '../../src/rpc/security.ts';

const OPEN: RpcSecurity = { kind: 'none', offLoopback: 'refused' };
const SECRET = sharedSecret('correct horse battery staple', { encrypt: true });

function frameOf(bytes: Buffer): HandshakeFrame {
  const reader = new HandshakeReader();
  reader.push(bytes);
  const frame = reader.next();
  assert.ok(frame);
  return frame;
}

/** All random bytes of a side, from a seed. */
function fixed(seed: string): (bytes: number) => Buffer {
  let count = 0;
  return (bytes) => createHash('sha256').update(`${seed} ${count++}`).digest().subarray(0, bytes);
}

interface Outcome {
  readonly client: HandshakeResult | null;
  readonly server: HandshakeResult | null;
  readonly frames: readonly Buffer[];
}

/** Runs both sides against each other. `change` sees each frame on its way, by its number. */
function shake(
  client: RpcSecurity,
  server: RpcSecurity,
  change: (frame: Buffer, n: number) => Buffer = (frame) => frame,
  random: { readonly client?: HandshakeSelf['random']; readonly server?: HandshakeSelf['random'] } = {},
): Outcome {
  const a = new ClientHandshake({
    name: 'executor',
    advertised: null,
    security: client,
    ...(random.client ? { random: random.client } : {}),
  });
  const b = new ServerHandshake({
    name: 'driver',
    advertised: { host: 'host-a', port: 7077 },
    security: server,
    ...(random.server ? { random: random.server } : {}),
  });
  const frames: Buffer[] = [];
  const pass = (frame: Buffer): HandshakeFrame => {
    frames.push(frame);
    return frameOf(change(frame, frames.length - 1));
  };
  let serverResult: HandshakeResult | null = null;
  let message: Buffer | undefined = a.hello();
  while (message !== undefined) {
    const atServer = b.receive(pass(message));
    serverResult ??= atServer.result;
    const answer: Buffer | undefined = atServer.send[0];
    if (answer === undefined) break;
    const atClient = a.receive(pass(answer));
    if (atClient.result !== null) return { client: atClient.result, server: serverResult, frames };
    message = atClient.send[0];
  }
  return { client: null, server: serverResult, frames };
}

describe('the handshake', () => {
  it('without authentication is two messages', () => {
    const { client, server, frames } = shake(OPEN, OPEN);
    assert.equal(frames.length, 2);
    assert.deepEqual(client, {
      peerName: 'driver',
      advertised: { host: 'host-a', port: 7077 },
      keyId: null,
      sendKey: null,
      receiveKey: null,
    });
    assert.equal(server?.peerName, 'executor');
  });

  it('with the same secret gives both sides the same two keys, new each time', () => {
    const first = shake(SECRET, SECRET);
    assert.equal(first.server?.keyId, 'sparkSaslUser');
    assert.ok(first.client?.sendKey && first.client.receiveKey);
    assert.deepEqual(first.client.sendKey, first.server?.receiveKey);
    assert.deepEqual(first.client.receiveKey, first.server?.sendKey);
    assert.notDeepEqual(first.client.sendKey, first.client.receiveKey);
    assert.notDeepEqual(first.client.sendKey, shake(SECRET, SECRET).client?.sendKey);
  });

  it('gives no keys when connections are not encrypted', () => {
    const plain = sharedSecret('correct horse battery staple');
    const { client, server } = shake(plain, plain);
    assert.deepEqual([client?.sendKey, server?.sendKey, server?.keyId], [null, null, 'sparkSaslUser']);
  });

  it('with another secret is refused, and the server has told nothing', () => {
    const seen: number[] = [];
    assert.throws(
      () =>
        shake(sharedSecret('wrong', { encrypt: true }), SECRET, (frame) => {
          seen.push(frame[6] ?? 0);
          return frame;
        }),
      /authentication failed: the two sides do not have the same secret/,
    );
    assert.deepEqual(seen, [HandshakeKind.hello, HandshakeKind.challenge, HandshakeKind.proof]);
  });

  it('knows a secret for each application, and does not tell which there are', () => {
    const secrets = new Map([['app-1', Buffer.from('one')]]);
    const server: SecretSecurity = { ...SECRET, secretFor: (id) => secrets.get(id) ?? null };
    const as = (keyId: string, secret: string): RpcSecurity => sharedSecret(secret, { keyId, encrypt: true });
    assert.equal(shake(as('app-1', 'one'), server).server?.keyId, 'app-1');
    const errors = [as('app-1', 'two'), as('app-2', 'two'), as('app-2', 'one')].map((client) => {
      try {
        shake(client, server);
      } catch (error) {
        assert.ok(error instanceof RefusedHandshake);
        return error.message;
      }
      return assert.fail('let in');
    });
    assert.equal(new Set(errors).size, 1);
  });

  it('needs the same policy on both sides, and says which differs', () => {
    assert.throws(() => shake(OPEN, SECRET), /this server requires authentication; set spark\.authenticate=true/);
    assert.throws(
      () => shake(SECRET, OPEN),
      /this server does not authenticate, but spark\.authenticate is true at the client/,
    );
    const plain = sharedSecret('correct horse battery staple');
    assert.throws(
      () => shake(plain, SECRET),
      /spark\.network\.crypto\.enabled is true at the server and false at the client/,
    );
    assert.throws(
      () => shake(SECRET, plain),
      /spark\.network\.crypto\.enabled is false at the server and true at the client/,
    );
  });

  it('cannot be talked down: a server that asks for no proof is refused by a client that wants one', () => {
    const client = new ClientHandshake({ name: 'c', advertised: null, security: SECRET });
    const accept = handshakeFrame(HandshakeKind.accept, { name: 's', advertised: null, mac: null });
    assert.throws(() => client.receive(frameOf(accept)), /the server does not authenticate/);
  });

  it('of another version is refused with both numbers, on both sides', () => {
    const server = new ServerHandshake({ name: 's', advertised: null, security: OPEN });
    const hello = handshakeFrame(HandshakeKind.hello, { any: 'thing' }, 7);
    let refusal: Buffer | null = null;
    assert.throws(
      () => server.receive(frameOf(hello)),
      (error) => {
        assert.ok(error instanceof RefusedHandshake);
        refusal = error.refusal;
        return /protocolVersion 7 on one side and 1 on the other/.test(error.message);
      },
    );
    assert.ok(refusal);
    const client = new ClientHandshake({ name: 'c', advertised: null, security: OPEN });
    assert.throws(() => client.receive(frameOf(refusal ?? hello)), /protocolVersion 7 on one side and 1 on the other/);
    const foreign = handshakeFrame(HandshakeKind.refuse, { reason: 'too\nold\x1b[31m' }, 9);
    assert.throws(() => client.receive(frameOf(foreign)), { message: 'too old [31m' });
  });

  it('fails when any bit of it is changed on its way', () => {
    const sizes = shake(SECRET, SECRET).frames.map((frame) => frame.length);
    fc.assert(
      fc.property(fc.nat(sizes.length - 1), fc.nat(), fc.nat(7), (which, where, bit) => {
        let result: Outcome | null = null;
        try {
          result = shake(SECRET, SECRET, (frame, n) => {
            if (n !== which) return frame;
            const changed = Buffer.from(frame);
            const at = where % changed.length;
            changed[at] = (changed[at] ?? 0) ^ (1 << bit);
            return changed;
          });
        } catch {
          return;
        }
        // The last two hold a proof, which must be right, and beside it only the server's name and an unused byte.
        assert.ok(which >= 2);
        assert.deepEqual(result.client?.sendKey, result.server?.receiveKey);
      }),
      { numRuns: 150 },
    );
  });

  it('that was recorded opens nothing when it is played again', () => {
    const { frames } = shake(SECRET, SECRET);
    const server = new ServerHandshake({ name: 's', advertised: null, security: SECRET });
    const [hello, , proof] = frames;
    assert.ok(hello && proof);
    assert.equal(server.receive(frameOf(hello)).result, null);
    assert.throws(() => server.receive(frameOf(proof)), /authentication failed/);
    const client = new ClientHandshake({ name: 'c', advertised: null, security: SECRET });
    const [, challenge, , accept] = frames;
    assert.ok(challenge && accept);
    client.receive(frameOf(challenge));
    assert.throws(() => client.receive(frameOf(accept)), /authentication failed/);
  });

  it('does not take its own words for those of the other', () => {
    const client = new ClientHandshake({ name: 'c', advertised: null, security: SECRET });
    assert.throws(() => client.receive(frameOf(client.hello())), /makes no sense/);
    const { frames } = shake(SECRET, SECRET);
    const [, , proof] = frames;
    assert.ok(proof);
    const server = new ServerHandshake({ name: 's', advertised: null, security: SECRET });
    assert.throws(() => server.receive(frameOf(proof)), /makes no sense/);
  });

  it('survives whatever is in its messages', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.object(), fc.boolean(), (kind, body, secure) => {
        const self = { name: 's', advertised: null, security: secure ? SECRET : OPEN };
        for (const side of [new ServerHandshake(self), new ClientHandshake(self)]) {
          try {
            side.receive(frameOf(handshakeFrame(kind, body)));
          } catch (error) {
            assert.ok(error instanceof RefusedHandshake, String(error));
          }
        }
      }),
    );
  });

  it('has the bytes that it always had', () => {
    const { frames, client } = shake(SECRET, SECRET, (frame) => frame, {
      client: fixed('client'),
      server: fixed('server'),
    });
    const lines = [
      ...frames.map((frame) => frame.toString('hex')),
      client?.sendKey?.toString('hex'),
      client?.receiveKey?.toString('hex'),
    ];
    const golden = readFileSync(
      new URL(`../../../test/golden/rpc-handshake-${PROTOCOL_VERSION}.txt`, import.meta.url),
      'utf8',
    );
    assert.equal(`${lines.join('\n')}\n`, golden);
  });
});
