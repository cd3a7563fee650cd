import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { AppFolder } from '../kit/app-folder.ts';
import { IskraCommand } from '../kit/iskra-command.ts';
import { BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { submitter } from '../kit/submitter.ts';

const RUN = `
  console.log('driver', JSON.stringify(f(1)));
  console.log('executor', JSON.stringify((await sc.parallelize([1], 1).map(f).collect())[0]));
  await sc.stop();`;

/** Two applications in a workspace: packages that are developed beside them are links in node_modules. */
const FILES = {
  'package.json': '{"name":"root","private":true,"workspaces":["packages/*"]}',
  'node_modules/@ws/util': { link: '../../packages/util' },
  'node_modules/@ws/source': { link: '../../packages/source' },
  'node_modules/tiny/package.json': '{"name":"tiny","version":"1.0.0","type":"module","exports":"./index.js"}',
  'node_modules/tiny/index.js': 'export const tiny = (x) => "tiny " + x;',
  'node_modules/loud/package.json': '{"name":"loud","version":"1.0.0"}',
  'node_modules/loud/index.js': 'exports.loud = (x) => x + require("./conf.json").mark;',
  'node_modules/loud/conf.json': '{"mark":"!"}',
  'packages/util/package.json':
    '{"name":"@ws/util","version":"1.0.0","type":"module","exports":{".":{"import":"./dist/index.js"}},"dependencies":{"tiny":"1"}}',
  'packages/util/dist/index.js': `
    import { readFileSync } from 'node:fs';
    import { tiny } from 'tiny';
    export const util = (x) => tiny(x) + readFileSync(new URL('../asset.txt', import.meta.url), 'utf8');`,
  'packages/util/asset.txt': ' asset',
  'packages/source/package.json':
    '{"name":"@ws/source","version":"1.0.0","type":"module","exports":{".":{"types":"./src/none.d.ts","default":"./src/index.ts"},"./*":"./src/*.ts"},"dependencies":{"tiny":"1"}}',
  'packages/source/src/index.ts': `
    import { tiny } from 'tiny';
    import { other } from './other.ts';
    export const source = (x: number): string => tiny(x) + other;`,
  'packages/source/src/other.ts': `export const other: string = ' other';`,
  'packages/app/package.json': '{"name":"app","type":"module","dependencies":{"@ws/util":"*","@ws/source":"*"}}',
  'packages/app/tsconfig.base.json':
    '{"compilerOptions":{"baseUrl":".","paths":{"@lib/*":["./lib/*"],"~conf":["./conf.json"]}}}',
  'packages/app/tsconfig.json': '{"extends":"./tsconfig.base.json","compilerOptions":{"resolveJsonModule":true}}',
  'packages/app/conf.json': '{"conf":"conf"}',
  'packages/app/data.json': '{"data":"data"}',
  'packages/app/lib/alias.ts': `
    import type { Numbers } from '@lib/types';
    import more from '../more.json';
    export const alias = (x: number): Numbers => [more.more, x];
    export const here = (): string => import.meta.url;`,
  'packages/app/lib/types.ts': 'export type Numbers = number[];',
  'packages/app/lib/late.ts': `export const late: string = 'late';`,
  'packages/app/more.json': '{"more":40}',
  'packages/app/main.ts': `
    import { shout } from 'shouter';
    import { SparkContext } from 'iskra';
    import { source } from '@ws/source';
    import { other } from '@ws/source/other';
    import { util } from '@ws/util';
    import { alias, here } from '@lib/alias';
    import conf from '~conf';
    import data from './data.json' with { type: 'json' };
    const { late } = await import('@lib/late');
    const sc = await SparkContext.create();
    const f = (x: number): unknown =>
      [util(x), source(x), other, alias(x), conf.conf, data.data, late, shout('a'), here()];
    ${RUN}`,
  'packages/old/package.json': '{"name":"old"}',
  'packages/old/old.js': `
    const { SparkContext } = require('iskra');
    const { help } = require('./lib/help');
    const { loud } = require('loud');
    const { data } = require('./data.json');
    module.exports.main = async () => {
      const sc = await SparkContext.create();
      const f = (x) => [help(x), require('./lib').dir, loud('a'), data, require.resolve('./data.json')];
      ${RUN}
    };`,
  'packages/old/lib/help.js': `
    const fs = require('fs');
    const path = require('node:path');
    const read = (name) => fs.readFileSync(name, 'utf8');
    exports.help = (x) => read(path.join(__dirname, 'one.txt')) + read(__dirname + '/two.txt') + x;`,
  'packages/old/lib/one.txt': 'one',
  'packages/old/lib/two.txt': 'two',
  'packages/old/lib/index.js': 'exports.dir = "dir";',
  'packages/old/data.json': '{"data":"data"}',
  'elsewhere/shouter/package.json': '{"name":"shouter","version":"1.2.3","exports":"./index.js"}',
  'elsewhere/shouter/index.js': 'exports.shout = (x) => x.toUpperCase();',
};

const MODERN = `["tiny 1 asset","tiny 1 other"," other",[40,1],"conf","data","late","A","file://TREE/packages/app/lib/alias.ts"]`;
const OLD = `["onetwo1","dir","a!","data","TREE/packages/old/data.json"]`;

describe('modules of an application that nobody else sees', () => {
  let app: AppFolder;
  before(() => {
    app = new AppFolder(FILES);
  });
  after(() => app.remove());
  /** The last column of every line is a path. */
  const shown = (text: string): string =>
    text.replaceAll(/"(file:\/\/)?\/[^"]*?\/trees\/\w+/g, '"$1TREE').replaceAll(app.folder, '');

  test('on executors of a driver here: a workspace with aliases and JSON, and CommonJS', async () => {
    const iskra = new IskraCommand('modules', {});
    try {
      const shipped = [
        ...['--master', 'local-cluster[1,1,1024]', '-c', 'spark.iskra.package.ship=always'],
        ...['-c', `spark.iskra.package.cacheDir=${iskra.path('packed')}`],
        ...['-c', `spark.executorEnv.ISKRA_PACKAGE_CACHE=${iskra.path('cache')}`],
      ];
      const packages = ['--packages', `shouter@file:${app.path('elsewhere/shouter')}`];
      const modern = await iskra.run(...shipped, ...packages, app.path('packages/app/main.ts'));
      const here = (text: string): string => text.replace('TREE', '');
      assert.equal(shown(modern.out), `driver ${here(MODERN)}\nexecutor ${MODERN}\n`, modern.err);
      const old = await iskra.run(...shipped, app.path('packages/old/old.js'));
      assert.equal(shown(old.out), `driver ${here(OLD)}\nexecutor ${OLD}\n`, old.err);
    } finally {
      iskra.remove();
    }
  });

  test('on a driver in the cluster and its executors, when the folder is gone', async () => {
    const cluster = await StandaloneCluster.start({
      ...{ workers: 0, coresPerWorker: 4, memoryPerWorker: 4096, executor: BUNDLED_EXECUTOR },
    });
    const { inCluster, stateOf, until, printed } = submitter(() => ({ cluster, folder: app.folder }));
    try {
      const settings = ['-c', 'spark.iskra.package.ship=always', '-c', 'spark.executor.memory=512m'];
      const one = [...settings, '-c', 'spark.cores.max=1'];
      const packages = ['--packages', `shouter@file:${app.path('elsewhere/shouter')}`];
      const modern = await inCluster(...one, ...packages, 'packages/app/main.ts');
      const old = await inCluster(...one, 'packages/old/old.js');
      renameSync(app.folder, `${app.folder}.gone`);
      try {
        await cluster.addWorker();
        for (const { id } of [modern, old])
          await until(async () => !['SUBMITTED', 'RUNNING'].includes((await stateOf(id)) ?? ''));
      } finally {
        renameSync(`${app.folder}.gone`, app.folder);
      }
      for (const [{ id }, expected] of [[modern, MODERN] as const, [old, OLD] as const])
        assert.equal(shown(printed(id)), `driver ${expected}\nexecutor ${expected}\n`, printed(id, 'stderr'));
    } finally {
      await cluster.stop();
    }
  });
});
