// What can be seen without a ZooKeeper. With one: scripts/check-zookeeper.mjs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { type Clock, steadyClock } from '../../src/base/clock.ts';
import { PACKAGE, VERSION } from '../../src/zookeeper/client-package.ts';
import { connectZooKeeper, faultOfServers } from '../../src/zookeeper/zookeeper-client.ts';
import { ZooKeeperError } from '../../src/zookeeper/zookeeper-error.ts';
import type { SessionListener } from '../../src/zookeeper/zookeeper-session.ts';
import { turn } from '../kit/async-task.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { until } from '../kit/until.ts';

const connect = (
  servers: string,
  connectTimeoutMs: number,
  sessionTimeoutMs = 6000,
  listener: SessionListener = {},
  clock: Clock = steadyClock,
) => connectZooKeeper({ servers, sessionTimeoutMs, connectTimeoutMs, clock, listener });

/** A server that does this with every connection. */
async function serve(
  t: { after(f: () => void): void },
  use: (socket: Socket) => void,
): Promise<Server & { at: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    use(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return Object.assign(server, { at: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** As much of a server as a session needs: the handshake, and an answer to whatever is asked. */
function answering(
  answer: (socket: Socket, xid: number, type: number) => void,
  timeoutMs = 600,
): (socket: Socket) => void {
  return (socket) => {
    let greeted = false;
    socket.on('data', (data) => {
      for (let at = 0; at < data.length; at += 4 + data.readInt32BE(at)) {
        if (greeted) {
          answer(socket, data.readInt32BE(at + 4), data.readInt32BE(at + 8));
          continue;
        }
        greeted = true;
        const hello = Buffer.alloc(40);
        hello.writeInt32BE(36, 0);
        hello.writeInt32BE(timeoutMs, 8);
        hello.writeInt32BE(7, 16); // the session
        hello.writeInt32BE(16, 20);
        socket.write(hello);
      }
    });
  };
}

function reply(xid: number, error: number): Buffer {
  const text = Buffer.alloc(20);
  text.writeInt32BE(16, 0);
  text.writeInt32BE(xid, 4);
  text.writeInt32BE(error, 16);
  return text;
}

const NO_NODE = -101;

test('servers that cannot be are refused with what to write', async () => {
  for (const good of ['a', 'a:1', 'a:1,b:2', '10.0.0.1:2181,h/chroot/x'])
    assert.equal(faultOfServers(good), null, good);
  for (const bad of ['', ' ', 'a b', 'a:', 'a:x', ',a', 'a,', '[::1]:2181', '::1', 'a:1/', 'zk://a:1'])
    await assert.rejects(connect(bad, 100), /is no list of servers: write host:port,host:port/, bad);
});

test('the version that is asked for is the one of package.json', () => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { peerDependencies } = JSON.parse(text) as { peerDependencies: Record<string, string> };
  assert.equal(peerDependencies[PACKAGE], VERSION);
});

test('where nobody listens, or nobody answers, or somebody else does, the error names the servers', async (t) => {
  const silent = await serve(t, () => {});
  const other = await serve(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const short = await serve(t, (socket) => socket.end(Buffer.from([0, 0, 0, 2, 1, 1])));
  for (const servers of ['127.0.0.1:1', `127.0.0.1:1,${silent.at}`, other.at, short.at])
    await assert.rejects(connect(servers, 150), (error) => {
      assert.ok(error instanceof ZooKeeperError);
      assert.equal(error.fault, 'CONNECTION_LOSS');
      assert.ok(
        error.message.startsWith(`no ZooKeeper server of ${servers} has answered within 150 ms`),
        error.message,
      );
      return true;
    });
});

test('connecting is given up when it is told to', async () => {
  const given = new AbortController();
  const options = { servers: '127.0.0.1:1', sessionTimeoutMs: 6000, connectTimeoutMs: 60_000, clock: steadyClock };
  const opening = connectZooKeeper({ ...options, listener: {}, signal: given.signal });
  given.abort();
  await assert.rejects(opening, /was given up/);
  await assert.rejects(connectZooKeeper({ ...options, listener: {}, signal: given.signal }), /was given up/);
});

test('a server that says nothing is left for the next one', async (t) => {
  const silent = await serve(t, () => {});
  const good = await serve(
    t,
    answering((socket, xid) => socket.write(reply(xid, NO_NODE))),
  );
  for (let i = 0; i < 4; i++) {
    // Whichever comes first.
    const session = await connect(`${silent.at},${good.at}`, 10_000, 300);
    assert.equal(session.timeoutMs, 600);
    void session.close();
  }
});

test('a link that has gone dumb is cut, and the session ends when nobody answers for its timeout', async (t) => {
  let dumb = false;
  let links = 0;
  const server = await serve(t, (socket) => {
    links++;
    answering((from, xid) => {
      if (!dumb) from.write(reply(xid, NO_NODE));
    })(socket);
  });
  const told: string[] = [];
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const clock = new ManualClock(); // its time passes when all has come that is on its way
  const listener: SessionListener = {
    disconnected: () => told.push('disconnected'),
    ended: (why) => {
      told.push(why);
      end();
    },
  };
  const session = await connect(server.at, 5000, 600, listener, clock);
  dumb = true;
  const asked = session.get('/x');
  const lost = assert.rejects(asked, (error) => error instanceof ZooKeeperError && error.fault === 'CONNECTION_LOSS');
  const passes = async (until: () => boolean): Promise<void> => {
    while (!until()) {
      clock.advance(2);
      await turn();
    }
  };
  await passes(() => told.length > 0);
  await until(() => links >= 2); // it tries again, in its own time
  await passes(() => told.at(-1) !== 'disconnected');
  await lost;
  await ended;
  assert.equal(told[0], 'disconnected');
  assert.equal(told.at(-1), 'no server has answered for 600 ms');
  assert.ok(links > 1);
  for (const ask of [session.get('/x'), session.whenConnected()])
    await assert.rejects(ask, (error) => error instanceof ZooKeeperError && error.fault === 'SESSION_ENDED');
  clock.advance(1000); // so long a server that does not answer is waited for
  await session.close();
});

test('bytes that make no sense cut the link, and what was asked is answered', async (t) => {
  let nonsense: Buffer | null = null;
  const server = await serve(
    t,
    answering((socket, xid, type) => {
      const EXISTS = 3;
      socket.write(type === EXISTS || nonsense === null ? reply(xid, NO_NODE) : nonsense);
    }, 600_000),
  );
  const session = await connect(server.at, 5000);
  const strange = [
    reply(0, -118), // an error that the package does not know
    reply(999, 0), // the answer to nothing
    Buffer.from([0, 0, 0, 1, 7, 0, 0]),
    Buffer.alloc(100, 255),
  ];
  for (const bytes of strange) {
    nonsense = bytes;
    await assert.rejects(session.children('/x'), (error) => error instanceof ZooKeeperError);
    nonsense = null;
    await session.whenConnected();
    assert.equal(await session.get('/x'), null);
  }
  void session.close();
});
