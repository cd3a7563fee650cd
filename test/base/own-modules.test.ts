import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOwnModule, OwnModules, ownExportOf } from '../../src/base/own-modules.ts';

const one = (): number => 1;
const two = (): number => 2;

test('an export is named by the path of its module', () => {
  const modules = new OwnModules(() => {});
  modules.add('a/one.js', () => ({ one, number: 1 }));
  assert.deepEqual(modules.nameOf(one), { specifier: 'iskra:a/one.js', exportName: 'one' });
  assert.equal(modules.nameOf(two), null);
  assert.equal(modules.nameOf(1), null);
  modules.add('two.js', () => ({ two }));
  assert.deepEqual(modules.nameOf(two), { specifier: 'iskra:two.js', exportName: 'two' });
});

test('a module that has not run yet runs when it is asked for', () => {
  const modules: OwnModules = new OwnModules(() => modules.add('late.js', () => ({ two })));
  assert.deepEqual(modules.get('late.js'), { two });
  assert.equal(modules.get('none.js'), undefined);
});

test('modules that are files are found at their place, and exports of theirs have no other name', async () => {
  assert.equal(ownExportOf(OwnModules), null);
  const url = findOwnModule('iskra:base/own-modules.js');
  assert.equal((await import(String(url))).OwnModules, OwnModules);
  assert.equal(findOwnModule('node:fs'), null);
  assert.equal(findOwnModule('iskra'), null);
});
