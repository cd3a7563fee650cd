import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PartStore } from '../../../src/app-package/part-store.ts';
import type { LeaderElection } from '../../../src/deploy/recovery/leader-election.ts';
import { noPersistence, type PersistenceEngine } from '../../../src/deploy/recovery/persistence-engine.ts';
import type { RecoveryRecord } from '../../../src/protocol/recovery.ts';
import { withCluster } from '../../kit/fake-peers.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { driver } from '../../kit/master-machine.ts';

test('a master that begins to lead removes packages that are old and that no driver on record needs', () =>
  withCluster(async (cluster) => {
    const folder = mkdtempSync(join(tmpdir(), 'iskra-packages-'));
    try {
      const store = new PartStore(folder);
      const part = store.put(Buffer.from('a part'));
      const file = store.put(Buffer.from('a file'));
      const manifest = { format: 1, parts: [{ hash: part }], links: [], files: [{ hash: file }] };
      const id = store.put(Buffer.from(JSON.stringify(manifest)));
      const old = store.put(Buffer.from('of an application that was once'));
      const now = Date.now();
      for (const { hash } of store.list()) store.touch(hash, now - 120_000);
      const young = store.put(Buffer.from('sent, and about to be submitted'));
      const record: RecoveryRecord = {
        ...{ kind: 'driver', id: 'driver-1', submittedAt: now },
        driver: driver({ appResource: `iskra-package:${id}`, supervise: true }),
      };
      const persistence: PersistenceEngine = { ...noPersistence, readAll: () => [record] };
      let elected = (): void => {};
      const election: LeaderElection = {
        ...{ leads: () => true, stop: async () => {} },
        start: (listener) => {
          elected = listener.elected;
        },
      };
      const clock = new ManualClock(now);
      const conf = { 'spark.iskra.package.cacheDir': folder, 'spark.iskra.package.cacheTtl': '60s' };
      const master = await cluster.master(conf, { persistence, election, clock });
      const kept = (): string[] => store.list().map(({ hash }) => hash);
      clock.advance(30_000);
      assert.equal(kept().length, 5, 'one that waits knows of no driver');
      elected();
      await master.ask('RequestReadyz', null);
      await new Promise(setImmediate);
      clock.advance(0);
      assert.deepEqual(kept().sort(), [part, file, id, young].sort());
      assert.equal(store.bytesOf(old), null);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }));
