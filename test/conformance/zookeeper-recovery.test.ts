// The engine at an ensemble in memory. Against a real server: scripts/check-zookeeper.mjs.
import { test } from 'node:test';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { FakeZooKeeper } from '../kit/fake-zookeeper.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { candidate, DIRECTORY } from '../kit/zookeeper-masters.ts';
import { RECOVERY_BEHAVIOURS } from './recovery-behaviours.ts';

for (const [title, prove] of RECOVERY_BEHAVIOURS)
  test(`ZooKeeper: ${title}`, async () => {
    const clock = new ManualClock();
    const ensemble = new FakeZooKeeper(clock);
    const errors: string[] = [];
    const log: Logger = { ...silentLogger, named: () => silentLogger, error: (message) => errors.push(message) };
    const path = (name: string): string => `${DIRECTORY}/master_status/${name}`;
    const open = async () => {
      const one = candidate((listener) => ensemble.connect(listener), { clock, log });
      await one.elected;
      return one;
    };
    let current = await open();
    await current.engine.readAll(); // as every master does
    await prove({
      engine: current.engine,
      next: async () => {
        await current.election.stop();
        current = await open();
        return current.engine;
      },
      names: async () => ensemble.children(`${DIRECTORY}/master_status`).sort(),
      read: async (name) => ensemble.need(path(name)).data.toString(),
      write: async (name, text) => void ensemble.create(path(name), Buffer.from(text), null, false),
      errors,
    });
    await current.election.stop();
  });
