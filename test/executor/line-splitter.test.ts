import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineSplitter } from '../../src/executor/line-splitter.ts';

test('lines are the same however the text is cut', () => {
  const text = 'one\ntwo\r\n\r\nthree\r\rfour\n\nfive';
  const expected = ['one', 'two', '', 'three', '', 'four', '', 'five'];
  for (let size = 1; size <= text.length; size++) {
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let at = 0; at < text.length; at += size) lines.push(...splitter.add(text.slice(at, at + size)));
    lines.push(...splitter.end());
    assert.deepEqual(lines, expected, `pieces of ${size}`);
  }
});

test('an end of line at the very end begins no further line', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const splitter = new LineSplitter();
    assert.deepEqual([...splitter.add(`a${end}`), ...splitter.end()], ['a']);
  }
  assert.deepEqual(new LineSplitter().end(), []);
});
