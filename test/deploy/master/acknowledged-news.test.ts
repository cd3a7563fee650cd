import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { FileSystemEngine } from '../../../src/deploy/recovery/file-system-engine.ts';
import { MASTER_ENDPOINT, type TellMaster } from '../../../src/protocol/master-worker.ts';
import type { RecoveryRecord } from '../../../src/protocol/recovery.ts';
import { withCluster } from '../../kit/fake-peers.ts';
import { driver } from '../../kit/master-machine.ts';
import { recordingLogger } from '../../kit/rpc.ts';

test('news of a worker are acknowledged when what follows from them is on record; what makes no sense is refused', (t) =>
  withCluster(async (cluster) => {
    const directory = mkdtempSync(join(tmpdir(), 'iskra-news-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const persistence = new FileSystemEngine(directory, silentLogger);
    const kept = (): string[] => (persistence.readAll() as readonly RecoveryRecord[]).map(({ id }) => id);
    const lines: string[] = [];
    const master = await cluster.master({}, { persistence, log: recordingLogger(lines) });
    const worker = await cluster.worker('a', master);
    await worker.register();
    const driverId = (await master.ask('RequestSubmitDriver', { driver: driver() })).driverId ?? '';
    assert.deepEqual(kept().sort(), [driverId, 'worker-a']);
    const ref = await worker.env.connect<never, TellMaster>(master.address, MASTER_ENDPOINT);
    const news = { type: 'DriverStateChanged', driverId, state: 'FINISHED', exception: null } as const;
    await assert.rejects(ref.ask('DriverStateChanged', { ...news, state: 'DONE' as never }), { code: 'BAD_MESSAGE' });
    assert.match(lines.join('\n'), /^Refused a message: DriverStateChanged\.state must be one of /);
    assert.equal(await ref.ask('DriverStateChanged', news), null);
    assert.deepEqual(kept(), ['worker-a']);
    // Nobody knows it any more: that is said, and not asked for again.
    assert.equal(await ref.ask('DriverStateChanged', news), null);
    assert.equal(await ref.ask('DriverStateChanged', { ...news, state: 'RUNNING' }), null);
    assert.match(lines.at(-1) ?? '', /Received unexpected state update/);
  }));
