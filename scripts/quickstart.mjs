// The first thing a newcomer runs: the word count over the books in examples/data, through the CLI as a user would.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
console.error('iskra run examples/word-count.ts   (six novels of Jane Austen and Paradise Lost, examples/data)\n');
const { status } = spawnSync(
  process.execPath,
  [join(root, 'bin', 'iskra'), 'run', join(root, 'examples', 'word-count.ts')],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
