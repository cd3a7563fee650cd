// Puts what tsc built into a few files for users: dist/src has some 170 modules, and opening them costs Node 0.1 s in each
// thread. The text of functions stays as tsc wrote it (no minifying, no kept names), since closures ship by their text.
// Chunks are shared by the entries, so that a slot's 'iskra' and the slot itself are one.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const dist = join(import.meta.dirname, '..', 'dist');
rmSync(join(dist, 'bundle'), { recursive: true, force: true });
await build({
  entryPoints: {
    'lib/index': join(dist, 'src/index.js'),
    'lib/testing': join(dist, 'src/testing.js'),
    'main/cli': join(dist, 'src/main/cli.js'),
    'main/driver-process': join(dist, 'src/main/driver-process.js'),
    'main/executor-process': join(dist, 'src/main/executor-process.js'),
    'main/task-slot': join(dist, 'src/main/task-slot.js'),
  },
  outdir: join(dist, 'bundle'),
  chunkNames: 'lib/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'warning',
});
