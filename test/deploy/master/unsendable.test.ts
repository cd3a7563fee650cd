import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withCluster } from '../../kit/fake-peers.ts';
import { app, driver } from '../../kit/master-machine.ts';

test('what is too large to be sent to a worker fails, and the master serves on', () =>
  withCluster(async (cluster) => {
    const limit = 1024 * 1024;
    const master = await cluster.master({
      'spark.rpc.message.maxSize': String(limit / 1024 ** 2),
      'spark.deploy.maxExecutorRetries': '2',
    });
    const worker = await cluster.worker('a', master);
    await worker.register();
    const client = await cluster.app(master);
    // It arrives; with what the master adds it is too large to go on.
    const filled = (bytes: number) => app({ command: { ...app().command, environment: { FILL: 'x'.repeat(bytes) } } });
    const around = JSON.stringify({
      type: 'RegisterApplication',
      app: filled(0),
      driverAddress: client.address,
    }).length;
    const removed = client.next('ApplicationRemoved');
    const updated = client.next('ExecutorUpdated');
    await client.register(filled(limit - around - 10));
    const { state, message } = await updated;
    assert.equal(state, 'FAILED');
    assert.match(message ?? '', /^LaunchExecutor cannot be sent to .*: a message of \d+ bytes exceeds the maximum of/);
    assert.equal((await removed).message, 'FAILED');
    const { environment } = filled(limit).command;
    const tooLarge = driver({ command: { ...driver().command, environment } });
    const { driverId } = await master.ask('RequestSubmitDriver', { driver: tooLarge });
    const status = await master.ask('RequestDriverStatus', { driverId: driverId ?? '' });
    assert.equal(status.state, 'ERROR');
    assert.match(status.exception ?? '', /^LaunchDriver cannot be sent to .*: a message of \d+ bytes exceeds/);
    assert.equal((await master.ask('RequestMasterState', null)).workers[0]?.coresUsed, 0);
  }));
