import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressTowards } from '../../src/driver/own-address.ts';

const at = (host: string) => ({ host, port: 7077 });

test('towards a master on this machine it is the loopback address, which needs no socket', async () => {
  assert.equal(await addressTowards([at('127.0.0.1')]), '127.0.0.1');
  assert.match(await addressTowards([at('localhost')]), /^(127\.0\.0\.1|::1)$/);
});

test('towards another address it is what the system would send from; a name that nobody knows is passed over', async () => {
  assert.match(await addressTowards([at('no-such-host.invalid'), at('127.0.0.2')]), /^127\./);
});

test('without a way to any master the error names each, and the setting', async () => {
  await assert.rejects(addressTowards([at('no-such-host.invalid')]), {
    code: 'DRIVER_HOST',
    message: /^There is no way from here to a master \(no-such-host\.invalid:7077: .*\)\..* Set spark\.driver\.host /,
  });
});
