import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import type { EntryWriter } from '../../src/io/archives/entry-writer.ts';
import { unpackZip } from '../../src/io/archives/zip-reader.ts';
import { archiveOf } from '../kit/archives.ts';
import { turns } from '../kit/async-task.ts';

test('a damaged entry is an error of who unpacks, however late that one begins to read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-zip-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const bytes = archiveOf('zip', { 'a.txt': 'a small file' });
  bytes.writeUInt32LE(7, bytes.indexOf('PK\x01\x02') + 16); // its sum
  writeFileSync(join(folder, 'a.zip'), bytes);
  const slow = {
    async file(_name: string, _mode: number, content: () => Readable): Promise<void> {
      await turns(200);
      await pipeline(content(), new Writable({ write: (_chunk, _encoding, done) => done() }));
    },
  };
  // All that a plain entry asks of it.
  await assert.rejects(unpackZip(join(folder, 'a.zip'), slow as unknown as EntryWriter), {
    code: 'ARCHIVE_CORRUPT',
    message: /a\.zip cannot be unpacked: a\.txt is damaged$/,
  });
});
