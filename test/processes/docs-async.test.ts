import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** The TypeScript of the page, each piece in a scope of its own, around a service that they call. */
function program(): { readonly source: string; readonly pieces: number } {
  const page = readFileSync(join(root, 'docs', 'async.md'), 'utf8');
  const pieces = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] as string);
  const source = `
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SparkContext } from 'iskra';

let busy = 3;
const counts = new Map<string, number>();
const service = createServer((request, response) => {
  const kind = request.url?.split('/')[1] ?? '';
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (kind === 'price' && busy-- > 0) response.writeHead(429, { 'retry-after': '0.01' }).end();
  else response.end('7');
}).listen(0, '127.0.0.1');
await new Promise((listening) => service.once('listening', listening));
const url = \`http://127.0.0.1:\${(service.address() as AddressInfo).port}\`;
const ids = Array.from({ length: 40 }, (_, i) => i);
const sc = await SparkContext.create({ master: 'local[2]', appName: 'docs' });
${pieces.map((piece) => `{\n${piece}}\n`).join('')}
console.log(JSON.stringify([...counts]));
await sc.stop();
service.closeAllConnections();
service.close();
`;
  return { source, pieces: pieces.length };
}

test('the examples of docs/async.md compile and do what they say', async () => {
  const { source, pieces } = program();
  assert.equal(pieces, 4);
  const command = new IskraCommand('docs', { 'page.ts': source });
  try {
    command.write({
      'tsconfig.json': JSON.stringify({
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: {
          noEmit: true,
          composite: false,
          isolatedDeclarations: false,
          erasableSyntaxOnly: false,
          typeRoots: [join(root, 'node_modules', '@types')],
          paths: { iskra: [join(root, 'src', 'index.ts')] },
        },
        include: ['page.ts'],
      }),
    });
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    const checked = spawnSync(tsc, ['-p', command.folder], { encoding: 'utf8' });
    assert.equal(checked.stdout, '');
    const { code, out, err } = await command.start(['page.ts']).outcome;
    assert.equal(err, '');
    assert.equal(code, 0);
    const [sum, stored, calls] = out.trim().split('\n');
    assert.equal(sum, '280');
    assert.match(stored ?? '', /Map\(1\) \{ 200 => 4 \}/);
    assert.deepEqual(
      new Map(JSON.parse(calls ?? '[]')),
      new Map([
        ['users', 40],
        ['price', 43],
        ['touch', 40],
        ['store', 4],
      ]),
    );
  } finally {
    command.remove();
  }
});
