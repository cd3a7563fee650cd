import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { FileSystemEngine } from '../../src/deploy/recovery/file-system-engine.ts';
import { RECOVERY_BEHAVIOURS } from './recovery-behaviours.ts';

for (const [title, prove] of RECOVERY_BEHAVIOURS)
  test(`files: ${title}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'iskra-recovery-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const errors: string[] = [];
    const log: Logger = { ...silentLogger, error: (message) => errors.push(message) };
    await prove({
      engine: new FileSystemEngine(directory, log),
      next: async () => new FileSystemEngine(directory, log),
      names: async () => readdirSync(directory).sort(),
      read: async (name) => readFileSync(join(directory, name), 'utf8'),
      write: async (name, text) => writeFileSync(join(directory, name), text),
      errors,
    });
  });
