import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { oneOf, types } from '../../src/config/value-types.ts';

test('times have units, and a bare number counts the own unit of the key', () => {
  const cases: [string, number | undefined][] = [
    ['250', 250],
    ['250ms', 250],
    ['3s', 3000],
    ['2m', 120_000],
    ['2min', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['5000us', 5],
    ['2 MIN', 120_000],
    ['-1', -1],
    ['1.5s', undefined],
    ['5x', undefined],
    ['', undefined],
    ['s', undefined],
    ['1 s 2', undefined],
    ['5toString', undefined],
  ];
  for (const [text, ms] of cases) assert.equal(types.durationMs.parse(text), ms, text);
  assert.equal(types.durationSeconds.parse('60'), 60_000);
  assert.equal(types.durationSeconds.parse('60ms'), 60);
});

test('sizes have binary units, and a bare number counts the own unit of the key', () => {
  const cases: [string, number | undefined][] = [
    ['1', 1],
    ['1b', 1],
    ['2k', 2048],
    ['2kb', 2048],
    ['3M', 3 * 2 ** 20],
    ['1g', 2 ** 30],
    ['1t', 2 ** 40],
    ['1p', 2 ** 50],
    ['0.5g', undefined],
    ['1e', undefined],
    ['constructor', undefined],
  ];
  for (const [text, bytes] of cases) assert.equal(types.bytes.parse(text), bytes, text);
  assert.equal(types.kib.parse('32'), 32 * 1024);
  assert.equal(types.mib.parse('128'), 128 * 2 ** 20);
  assert.equal(types.mib.parse('128b'), 128);
});

test('booleans are strictly true or false', () => {
  assert.equal(types.boolean.parse('true'), true);
  assert.equal(types.boolean.parse('false'), false);
  for (const text of ['TRUE', 'yes', '1', '0', '']) assert.equal(types.boolean.parse(text), undefined, text);
});

test('numbers are read whole or not at all', () => {
  assert.equal(types.int.parse('-7'), -7);
  for (const text of ['7x', '7.0', '1e3', '', '2147483648', '0x10'])
    assert.equal(types.int.parse(text), undefined, text);
  assert.equal(types.long.parse('2147483648'), 2147483648);
  assert.equal(types.double.parse('.5'), 0.5);
  assert.equal(types.double.parse('1e-3'), 0.001);
  for (const text of ['1,5', 'Infinity', 'NaN', '']) assert.equal(types.double.parse(text), undefined, text);
});

test('lists lose blanks and empty parts', () => {
  assert.deepEqual(types.list.parse(' a, b ,,c'), ['a', 'b', 'c']);
  assert.deepEqual(types.list.parse(''), []);
});

test('a regular expression may begin with the ignore-case mark of Java', () => {
  assert.ok(types.regex.parse('(?i)secret')?.test('my.SECRET'));
  assert.ok(!types.regex.parse('secret')?.test('my.SECRET'));
  assert.equal(types.regex.parse('('), undefined);
});

test('a choice is found in any case and spelled as declared', () => {
  assert.equal(oneOf('FIFO', 'FAIR').parse('fair'), 'FAIR');
  assert.equal(oneOf('FIFO', 'FAIR').parse('lifo'), undefined);
});

test('what a type shows it reads back', () => {
  fc.assert(
    fc.property(fc.nat(), (n) => {
      for (const type of [types.int, types.long, types.double]) assert.equal(type.parse(type.show(n)), n);
      assert.equal(types.bytes.parse(types.bytes.show(n)), n);
      assert.equal(types.mib.parse(types.mib.show(n * 1024)), n * 1024);
      assert.equal(types.durationMs.parse(types.durationMs.show(n)), n);
      assert.equal(types.durationSeconds.parse(types.durationSeconds.show(n)), n);
    }),
  );
  assert.equal(types.bytes.show(2 ** 30), '1g');
  assert.equal(types.kib.show(32 * 1024), '32k');
  assert.equal(types.durationMs.show(1500), '1500ms');
  assert.equal(types.durationMs.show(3000), '3s');
});
