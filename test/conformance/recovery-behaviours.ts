import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { PersistenceEngine } from '../../src/deploy/recovery/persistence-engine.ts';
import type { RecoveryRecord } from '../../src/protocol/recovery.ts';
import { app, driver, MasterMachine, worker } from '../kit/master-machine.ts';

/** Where an engine keeps its records, as an operator sees it. */
export interface RecoveryPlace {
  readonly engine: PersistenceEngine;
  /** The engine of the master after that one. */
  next(): Promise<PersistenceEngine>;
  /** What lies there. */
  names(): Promise<string[]>;
  read(name: string): Promise<string>;
  /** Behind the engine's back. */
  write(name: string, text: string): Promise<void>;
  /** That were logged, by any of the engines. */
  readonly errors: readonly string[];
}

const RECORDS: readonly RecoveryRecord[] = [
  { kind: 'app', id: 'app-1', startedAt: 1, app: app(), driverAddress: 'd:1' },
  { kind: 'driver', id: 'driver-1', submittedAt: 2, driver: driver() },
  { kind: 'worker', id: 'worker-a', worker: worker('a') },
];
const NAMES = ['app_app-1', 'driver_driver-1', 'worker_worker-a'];
const GOLDEN = new URL('../../../test/golden/recovery-driver-1.txt', import.meta.url);

/** What holds for every engine. */
export const RECOVERY_BEHAVIOURS: readonly (readonly [
  title: string,
  prove: (place: RecoveryPlace) => Promise<void>,
])[] = [
  [
    'what was persisted is read again by the next master, and what was taken away is not',
    async ({ engine, next, names }) => {
      assert.deepEqual(await engine.readAll(), []);
      for (const record of RECORDS) await engine.persist(record);
      assert.deepEqual(await names(), NAMES);
      assert.deepEqual(await engine.readAll(), RECORDS);
      const second = await next();
      assert.deepEqual(await second.readAll(), RECORDS);
      await second.unpersist('driver', 'driver-1');
      await second.unpersist('driver', 'never');
      await second.persist({ ...RECORDS[1], id: 'driver-2' } as RecoveryRecord);
      const ids = (await (await next()).readAll()).map(({ id }) => id);
      assert.deepEqual(ids, ['app-1', 'driver-2', 'worker-a']);
    },
  ],
  [
    'a record takes the place of an earlier one, of this master or the one before',
    async ({ engine, next }) => {
      await engine.persist({ kind: 'worker', id: 'w', worker: worker('a') });
      await engine.persist({ kind: 'worker', id: 'w', worker: worker('b') });
      assert.deepEqual(await engine.readAll(), [{ kind: 'worker', id: 'w', worker: worker('b') }]);
      const second = await next(); // it has not read anything
      await second.persist({ kind: 'worker', id: 'w', worker: worker('c') });
      await second.unpersist('worker', 'w');
      await second.persist({ kind: 'worker', id: 'w', worker: worker('d') });
      assert.deepEqual(await second.readAll(), [{ kind: 'worker', id: 'w', worker: worker('d') }]);
    },
  ],
  [
    'what is damaged, cut, empty, newer or misnamed is named in the log, left there, and costs no other',
    async ({ engine, names, read, write, errors }) => {
      for (const record of RECORDS) await engine.persist(record);
      const whole = await read('app_app-1');
      const bad = {
        app_cut: whole.slice(0, 40),
        app_empty: '',
        app_changed: whole.replace('d:1', 'd:2'),
        app_newer: whole.replace('"version":1', '"version":99'),
        app_other: whole,
        app_null: 'null',
      };
      for (const [name, text] of Object.entries(bad)) await write(name, text);
      await write('notes.txt', 'not ours');
      assert.deepEqual(await engine.readAll(), RECORDS);
      assert.equal(errors.length, 6);
      for (const name of Object.keys(bad))
        assert.ok(
          errors.some((error) => error.includes(`${name} cannot be read`)),
          name,
        );
      assert.ok((await names()).includes('app_cut')); // for whoever wants to look
      await engine.persist({ ...RECORDS[0], id: 'cut' } as RecoveryRecord);
      assert.ok((await engine.readAll()).some(({ id }) => id === 'cut'));
    },
  ],
  [
    'an id does not leave its place, whatever is in it',
    async ({ engine, names }) => {
      for (const id of [
        '../../x',
        'worker-1-fe80::1-7',
        'a.tmp',
        '.',
        '',
        'ä\u0000/\n ',
        '%2F',
        'x'.repeat(150),
        '中'.repeat(200),
        '\ud800',
      ]) {
        const record: RecoveryRecord = { kind: 'worker', id, worker: worker('a') };
        await engine.persist(record);
        assert.equal((await names()).length, 1);
        assert.deepEqual(await engine.readAll(), [record]);
        await engine.unpersist('worker', id);
        assert.deepEqual(await names(), []);
      }
    },
  ],
  [
    'long ids that begin alike are different',
    async ({ engine, names }) => {
      const ids = ['1', '2'].map((end) => `${'ä'.repeat(199)}${end}`);
      for (const id of ids) await engine.persist({ kind: 'worker', id, worker: worker('a') });
      assert.deepEqual((await engine.readAll()).map(({ id }) => id).sort(), ids);
      await engine.unpersist('worker', ids[0] ?? '');
      assert.equal((await names()).length, 1);
      assert.deepEqual((await engine.readAll())[0]?.id, ids[1]);
    },
  ],
  [
    'a master goes on with what the one before it kept',
    async ({ engine, next }) => {
      const master = new MasterMachine();
      master.worker('a');
      master.app('d', app());
      for (const record of master.records.values()) await engine.persist(record);
      const successor = new MasterMachine({}, { standby: true });
      successor.handle({ type: 'ElectedLeader', recovered: await (await next()).readAll() });
      assert.equal(successor.master.status, 'RECOVERING');
      assert.equal(successor.toWorkers('MasterChanged').length, 1);
    },
  ],
  [
    'the text of version 1 stays readable',
    async ({ engine, write }) => {
      await write('driver_driver-20261121070809-0000', readFileSync(GOLDEN, 'utf8'));
      assert.deepEqual(
        (await engine.readAll()).map(({ id }) => id),
        ['driver-20261121070809-0000'],
      );
    },
  ],
  [
    'many records are read in the order of their names',
    async ({ engine, next }) => {
      const ids = Array.from({ length: 120 }, (_, i) => `w${String((i * 7) % 120).padStart(3, '0')}`);
      await Promise.all(ids.map((id) => engine.persist({ kind: 'worker', id, worker: worker('a') })));
      const read = await (await next()).readAll();
      assert.deepEqual(
        read.map(({ id }) => id),
        ids.sort(),
      );
    },
  ],
  [
    'close may be called twice',
    async ({ engine }) => {
      await engine.close();
      await engine.close();
    },
  ],
];
