import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import { nodeFiles } from '../../src/shuffle/file-ops.ts';
import { SameHostBlockSource } from '../../src/shuffle/same-host-blocks.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';
import { writeMapOutput } from '../kit/shuffle-service.ts';

test('files of executors on the same host are found once, and read in the order of the requests', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'iskra-same-host-'));
  t.after(() => rmSync(root, { recursive: true }));
  const dirs = new Map(
    ['1', '2'].map((id) => [id, LocalDirs.open([join(root, `a${id}`), join(root, `b${id}`)], silentLogger)]),
  );
  for (const [id, each] of dirs) writeMapOutput(each, 0, Number(id), [`of ${id}`, 'x']);
  const asked: (readonly string[])[] = [];
  const source = new SameHostBlockSource(
    'host-a',
    (ids) => {
      asked.push(ids);
      return Object.fromEntries(ids.flatMap((id) => [[id, dirs.get(id)?.toData().dirs]]).filter(([, d]) => d));
    },
    nodeFiles,
    silentLogger,
  );
  const request = (id: string) => {
    const location = { executorId: id, host: 'host-a', port: 7337 };
    return {
      shuffleId: 0,
      mapIndex: 0,
      reduceId: 0,
      status: { location, mapId: Number(id), sizes: toBlockSizes([4, 1]) },
    };
  };
  const stream = source.open(['2', '1', '2', '3'].map(request));
  const text = (): string => {
    const segment = stream.next();
    const bytes = new Uint8Array(segment.length);
    segment.read(bytes, 0, segment.length, 0);
    segment.close();
    return Buffer.from(bytes).toString();
  };
  assert.deepEqual([text(), text(), text()], ['of 2', 'of 1', 'of 2']);
  assert.throws(text, /the shuffle service of this host does not know executor 3/);
  source.open(['1', '3'].map(request));
  assert.deepEqual(asked, [['2', '1', '3'], ['3']]);
});
