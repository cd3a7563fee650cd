import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { RpcHandshakeError } from '../../src/rpc/rpc-errors.ts';
import { rpcSettings } from '../../src/rpc/rpc-settings.ts';
import {
  applicationSecret,
  checkBindAddress,
  DEFAULT_KEY_ID,
  driverSecurity,
  generateSecret,
  isLoopback,
  resolveSecurity,
  type SecretSecurity,
  sharedSecret,
} from '../../src/rpc/security.ts';
import { addressOf, Middleman, OPEN, portOf, RawClient, recordingLogger, withEnvs } from '../kit/rpc.ts';

const echo = { receive() {}, receiveAndReply: (ask: { request: unknown }) => ask.request };
interface Echo {
  Echo: [unknown, unknown];
}

function secretOf(conf: SparkConf, options: Parameters<typeof resolveSecurity>[1] = {}): string {
  const security = resolveSecurity(conf, options);
  assert.equal(security.kind, 'secret');
  return Buffer.from((security as SecretSecurity).secret).toString();
}

describe('the secret of an application', () => {
  const salt = '00112233445566778899aabbccddeeff'.repeat(2);

  it('is the same for all who have the secret of the cluster, and the salt', () => {
    const secret = applicationSecret(Buffer.from('of the cluster'), salt);
    // Drivers and workers of different versions have to agree.
    assert.equal(secret, 'c8a75f0597233c97f902c21426f385851481c4309e8a51e21142333dd887e5f8');
  });

  it('is another one with another salt, or in another cluster', () => {
    const all = [
      applicationSecret(Buffer.from('of the cluster'), salt),
      applicationSecret(Buffer.from('of the cluster'), salt.replace(/^../, 'ff')),
      applicationSecret(Buffer.from('of a cluster'), salt),
    ];
    assert.equal(new Set(all).size, 3);
    for (const each of all) assert.match(each, /^[0-9a-f]{64}$/);
  });
});

describe('settings of who may talk', () => {
  it('are open on loopback by default, and elsewhere when false was said', () => {
    assert.deepEqual(resolveSecurity(new SparkConf()), { kind: 'none', offLoopback: 'refused' });
    assert.deepEqual(resolveSecurity(new SparkConf({ 'spark.authenticate': false })), {
      kind: 'none',
      offLoopback: 'allowed',
    });
  });

  it('take the secret from a file, the environment or the configuration, in this order', () => {
    const dir = mkdtempSync(join(tmpdir(), 'iskra-secret-'));
    try {
      const file = join(dir, 'secret');
      writeFileSync(file, 'from file\n');
      const conf = new SparkConf({ 'spark.authenticate': true, 'spark.authenticate.secret': 'from conf' });
      assert.equal(secretOf(conf), 'from conf');
      const environment = { _SPARK_AUTH_SECRET: 'from env' };
      assert.equal(secretOf(conf, { environment }), 'from env');
      assert.equal(secretOf(conf.clone().set('spark.authenticate.secret.file', file), { environment }), 'from file');
      writeFileSync(join(dir, 'other'), 'of executors');
      const both = conf.clone().set('spark.authenticate.secret.driver.file', file);
      assert.throws(
        () => resolveSecurity(both),
        /Invalid secret configuration: Secret files must be specified for both/,
      );
      both.set('spark.authenticate.secret.executor.file', join(dir, 'other'));
      assert.equal(secretOf(both, { role: 'executor' }), 'of executors');
      assert.equal(secretOf(both, { role: 'driver' }), 'from file');
      writeFileSync(file, '\r\n');
      assert.throws(() => resolveSecurity(both), /Secret key from file located at .* was empty\./);
      rmSync(file);
      assert.throws(() => resolveSecurity(both), /No file found containing the secret key at .*secret\./);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('that do not go together are refused', () => {
    const conf = new SparkConf({ 'spark.authenticate': true });
    assert.throws(
      () => resolveSecurity(conf),
      /A secret key must be specified via the spark\.authenticate\.secret config/,
    );
    assert.match(secretOf(conf, { generate: true }), /^[0-9a-f]{64}$/);
    assert.throws(
      () => resolveSecurity(new SparkConf({ 'spark.network.crypto.enabled': true })),
      /spark\.authenticate must be enabled when enabling encryption\./,
    );
    assert.notEqual(generateSecret(), generateSecret());
    assert.equal(generateSecret(128).length, 32);
  });

  it('keep a server without authentication from listening where others reach it', async () => {
    assert.ok(
      isLoopback('127.0.0.5') &&
        isLoopback('::1') &&
        !isLoopback('0.0.0.0') &&
        !isLoopback('::') &&
        !isLoopback('10.0.0.1'),
    );
    assert.throws(
      () => checkBindAddress('sparkMaster', '0.0.0.0', '0.0.0.0', OPEN),
      /'sparkMaster' would listen on 0\.0\.0\.0, where other hosts can reach it, without authentication: whoever reaches its port can run code\. Set spark\.authenticate=true/,
    );
    await withEnvs(async (make) => {
      await assert.rejects(make({ port: 0, bindAddress: '0.0.0.0' }), /without authentication/);
      await make({ port: 0, bindAddress: '0.0.0.0', security: { kind: 'none', offLoopback: 'allowed' } });
      await make({ port: 0, bindAddress: '0.0.0.0', security: sharedSecret('s') });
    });
  });

  it('name the timeout that the user has set', () => {
    assert.deepEqual(rpcSettings(new SparkConf()).askTimeout, { ms: 120_000, key: 'spark.rpc.askTimeout' });
    const conf = new SparkConf({ 'spark.network.timeout': '30s' });
    assert.deepEqual(rpcSettings(conf).askTimeout, { ms: 30_000, key: 'spark.network.timeout' });
    conf.set('spark.rpc.askTimeout', '5s').set('spark.rpc.message.maxSize', 1);
    assert.deepEqual(rpcSettings(conf).askTimeout, { ms: 5000, key: 'spark.rpc.askTimeout' });
    assert.equal(rpcSettings(conf).maxMessageBytes, 1024 * 1024);
  });
});

describe('environments with a secret', () => {
  it('talk, encrypted or not, and know whose secret it was', async () => {
    for (const encrypt of [false, true]) {
      await withEnvs(async (make) => {
        const seen: (string | null)[] = [];
        const secrets = new Map([['app-7', Buffer.from('seven')]]);
        const server = await make({
          port: 0,
          security: { ...sharedSecret('own', { encrypt }), secretFor: (id) => secrets.get(id) ?? null },
        });
        server.register('Echo', { ...echo, onConnected: (caller) => seen.push(caller.keyId) });
        const client = await make({ security: sharedSecret('seven', { keyId: 'app-7', encrypt }) });
        const ref = await client.connect<never, Echo>(addressOf(server), 'Echo');
        const value = { a: [1n, 'é'], bytes: new Uint8Array(2_000_000).fill(3) };
        assert.deepStrictEqual(await ref.ask('Echo', value), value);
        const shared = (await ref.ask('Echo', new Uint8Array(100), { shared: true })) as Uint8Array;
        assert.ok(shared.buffer instanceof SharedArrayBuffer);
        assert.deepEqual(seen, ['app-7']);
      });
    }
  });

  it('of a driver let in the daemons of its cluster and its own executors, and nobody else', async () => {
    for (const cluster of [sharedSecret('cluster'), null]) {
      await withEnvs(async (make) => {
        const driver = await make({ port: 0, security: driverSecurity(cluster, 'its own', { encrypt: false }) });
        driver.register('Echo', echo);
        const asks = async (secret: string, keyId: string): Promise<unknown> => {
          const client = await make({ security: sharedSecret(secret, { keyId }) });
          return (await client.connect<never, Echo>(addressOf(driver), 'Echo')).ask('Echo', keyId);
        };
        assert.equal(await asks('its own', 'app-7'), 'app-7');
        await assert.rejects(asks('cluster', 'app-7'), RpcHandshakeError);
        await assert.rejects(asks('another', 'app-7'), RpcHandshakeError);
        if (cluster === null) return;
        assert.equal(await asks('cluster', DEFAULT_KEY_ID), DEFAULT_KEY_ID);
        await assert.rejects(asks('its own', DEFAULT_KEY_ID), RpcHandshakeError);
        // To masters it shows the cluster's.
        const master = await make({ port: 0, security: cluster });
        master.register('Echo', echo);
        assert.equal(await (await driver.connect<never, Echo>(addressOf(master), 'Echo')).ask('Echo', 1), 1);
      });
    }
  });

  it('show nothing of what they say when they encrypt', async () => {
    for (const encrypt of [false, true]) {
      await withEnvs(async (make) => {
        const security = sharedSecret('s', { encrypt });
        const server = await make({ port: 0, security });
        server.register('Echo', echo);
        const between = new Middleman(portOf(server));
        await between.listen();
        try {
          const client = await make({ security });
          const ref = await client.connect<never, Echo>({ host: '127.0.0.1', port: between.port }, 'Echo');
          await ref.ask('Echo', 'the password is tiger');
          const all = Buffer.concat([...between.toServer, ...between.toClient]);
          assert.equal(all.includes('tiger'), !encrypt);
          assert.equal(all.includes('endpoint-verifier'), !encrypt);
        } finally {
          await between.close();
        }
      });
    }
  });

  it('close a connection whose encrypted bytes were changed, and go on', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const security = sharedSecret('s', { encrypt: true });
      const server = await make({ port: 0, security, logger: recordingLogger(lines) });
      server.register('Echo', echo);
      const between = new Middleman(portOf(server));
      await between.listen();
      try {
        const client = await make({ security });
        const ref = await client.connect<never, Echo>({ host: '127.0.0.1', port: between.port }, 'Echo');
        between.change = (chunk) => {
          chunk[chunk.length - 20] = (chunk[chunk.length - 20] ?? 0) ^ 4;
          return chunk;
        };
        await assert.rejects(ref.ask('Echo', 'pay 10 euros'), /Connection from 127\.0\.0\.1:\d+ closed/);
        assert.match(lines.join(), /is closed, for it sent an encrypted record that was changed on its way/);
        const direct = await client.connect<never, Echo>(addressOf(server), 'Echo');
        assert.equal(await direct.ask('Echo', 1), 1);
      } finally {
        await between.close();
      }
    });
  });

  it('refuse who has another, in words on both sides, and go on', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const server = await make({ port: 0, security: sharedSecret('right'), logger: recordingLogger(lines) });
      server.register('Echo', echo);
      const address = addressOf(server);
      const wrong = await make({ security: sharedSecret('wrong') });
      await assert.rejects(
        wrong.connect(address, 'Echo'),
        (error) =>
          error instanceof RpcHandshakeError &&
          /^127\.0\.0\.1:\d+ and this process do not get together: authentication failed: the two sides do not have the same secret/.test(
            error.message,
          ),
      );
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? '', /Refused a connection: authentication failed.*"keyId":"sparkSaslUser"/);
      const open = await make();
      await assert.rejects(open.connect(address, 'Echo'), /this server requires authentication/);
      const right = await make({ security: sharedSecret('right') });
      const ref = await right.connect<never, Echo>(address, 'Echo');
      assert.equal(await ref.ask('Echo', 1), 1);
    });
  });

  it('refuse a connection that was recorded and is played again', async () => {
    await withEnvs(async (make) => {
      const lines: string[] = [];
      const security = sharedSecret('s', { encrypt: true });
      const server = await make({ port: 0, security, logger: recordingLogger(lines) });
      const received: unknown[] = [];
      server.register('Box', { receive: (message) => received.push(message), receiveAndReply: () => null });
      const between = new Middleman(portOf(server));
      await between.listen();
      try {
        const client = await make({ security });
        const ref = await client.connect<{ type: 'Run' }, { Sync: [null, null] }>(
          { host: '127.0.0.1', port: between.port },
          'Box',
        );
        ref.send({ type: 'Run' });
        await ref.ask('Sync', null);
        const thief = new RawClient(portOf(server));
        const [hello, ...rest] = between.toServer;
        assert.ok(hello);
        thief.socket.write(hello);
        await thief.bytes(12);
        thief.socket.write(Buffer.concat(rest));
        await thief.closed();
        assert.match(thief.received.toString(), /authentication failed/);
        assert.equal(received.length, 1);
        assert.match(lines.join(), /Refused a connection: authentication failed/);
      } finally {
        await between.close();
      }
    });
  });
});
