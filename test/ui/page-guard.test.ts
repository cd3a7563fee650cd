import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { AccessLists, accessLists } from '../../src/ui/access-lists.ts';
import { type HttpRequest, type HttpResponse, redirectAnswer, textAnswer } from '../../src/ui/http-messages.ts';
import { openPageGuard } from '../../src/ui/page-guard.ts';
import { request } from '../kit/http.ts';
import { jsonWebToken } from '../kit/json-web-token.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const NOW = 1_700_000_000_000;

/** A page that says who asks, behind what the settings say. */
async function guarded(conf: Record<string, string>): Promise<(one: HttpRequest) => Promise<HttpResponse>> {
  const { guard } = await openPageGuard(new SparkConf(conf), new ManualClock(NOW), silentLogger);
  const handle = guard(({ user }) => textAnswer(200, `for ${user}`));
  return async (one) => handle(one);
}

function folder(t: TestContext, files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'iskra-filters-'));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const seen = ({ status, body }: HttpResponse): string => `${status} ${body.trim()}`;

test('pages are for everybody unless lists are on, and then for those on them and the administrators', async () => {
  const lists = { 'spark.ui.view.acls': 'ann, ben', 'spark.modify.acls': 'ben', 'spark.admin.acls': 'root' };
  const off = await guarded(lists);
  assert.equal(seen(await off(request('GET', '/', { user: 'eve' }))), '200 for eve');
  const on = await guarded({ ...lists, 'spark.acls.enable': 'true' });
  for (const user of ['ann', 'ben', 'root', userInfo().username])
    assert.equal(seen(await on(request('GET', '/', { user }))), `200 for ${user}`);
  assert.equal(
    seen(await on(request('GET', '/', { user: 'eve' }))),
    '403 User eve is not authorized to access this page.',
  );
  // Without a filter that finds out who asks nobody is refused.
  assert.equal(seen(await on(request('GET', '/'))), '200 for null');
  const everybody = await guarded({ 'spark.acls.enable': 'true', 'spark.ui.view.acls': '*' });
  assert.equal((await everybody(request('GET', '/', { user: 'eve' }))).status, 200);
});

test('who may end things is another list', async () => {
  const conf = new SparkConf({
    'spark.acls.enable': 'true',
    'spark.modify.acls': 'ben',
    'spark.modify.acls.groups': 'ops',
    'spark.admin.acls.groups': 'wheel',
  });
  const groups: Record<string, string[]> = { carl: ['users', 'ops'], dora: ['wheel'] };
  const lists = new AccessLists(conf, ['owner'], async (user) => groups[user] ?? []);
  const may = async (user: string) => [
    await lists.mayView(user),
    await lists.mayModify(user),
    await lists.isAdmin(user),
  ];
  assert.deepEqual(await may('ben'), [false, true, false]);
  assert.deepEqual(await may('carl'), [false, true, false]);
  assert.deepEqual(await may('dora'), [true, true, true]);
  assert.deepEqual(await may('owner'), [true, true, false]);
  assert.deepEqual(await may('eve'), [false, false, false]);
});

test('groups come from the system, or from a module, and are none when that fails', async (t) => {
  const path = folder(t, {
    'groups.mjs': `export const getGroups = async (user) => {
      if (user === 'bad') throw new Error('no such');
      return user === 'odd' ? 7 : ['of-' + user];
    };`,
    'empty.mjs': '',
  });
  const conf = (groups: string, module?: string) =>
    new SparkConf({
      'spark.acls.enable': 'true',
      'spark.ui.view.acls.groups': groups,
      ...(module === undefined ? {} : { 'spark.user.groups.mapping': join(path, module) }),
    });
  const errors: string[] = [];
  const log = { ...silentLogger, error: (text: string) => void errors.push(text) };
  const own = await accessLists(conf('of-ann', 'groups.mjs'), new ManualClock(NOW), log);
  const may = await Promise.all(['ann', 'ben', 'bad', 'odd'].map((user) => own.mayView(user)));
  assert.deepEqual(may, [true, false, false, false]);
  assert.deepEqual(errors.sort(), [
    'Error getting groups for user="bad": no such',
    'The groups of user="odd" are no list',
  ]);
  await assert.rejects(
    accessLists(conf('x', 'empty.mjs'), new ManualClock(NOW), log),
    /spark\.user\.groups\.mapping=.*empty\.mjs: the module exports no function getGroups\(user\)/,
  );
  errors.length = 0;
  const system = await accessLists(conf('no-such-group'), new ManualClock(NOW), log);
  assert.deepEqual(await Promise.all(['--version', 'no-such-user'].map((user) => system.mayView(user))), [
    false,
    false,
  ]);
  assert.equal(errors.length, 2);
  assert.match(errors.sort()[0] ?? '', /^Error getting groups for user="--version": /);
});

test('the groups of the system are those that id names', async () => {
  const { execFileSync } = await import('node:child_process');
  const [group = ''] = execFileSync('id', ['-Gn', 'nobody'], { encoding: 'utf8' }).trim().split(' ');
  const conf = new SparkConf({ 'spark.acls.enable': 'true', 'spark.ui.view.acls.groups': group });
  const lists = await accessLists(conf, new ManualClock(NOW), silentLogger);
  assert.equal(await lists.mayView('nobody'), true);
});

test('administrators may ask in the name of others, nobody else may', async () => {
  const conf = { 'spark.acls.enable': 'true', 'spark.ui.view.acls': 'ann,ben', 'spark.admin.acls': 'gate' };
  const on = await guarded(conf);
  const as = async (user: string, doAs: string) => seen(await on(request('GET', `/?doAs=${doAs}`, { user })));
  assert.equal(await as('gate', 'ann'), '200 for ann');
  assert.equal(await as('gate', 'eve'), '403 User eve is not authorized to access this page.');
  assert.equal(await as('ann', 'ann'), '200 for ann');
  assert.equal(await as('ann', 'ben'), '403 User ann is not allowed to impersonate others.');
});

test('requests pass the filters that are named, in their order, and each has its parameters', async (t) => {
  const path = folder(t, {
    'login.mjs': `export const createFilter = ({ password, realm }) => (request, next) => {
      const [user, given] = Buffer.from((request.headers.authorization ?? '').slice(6), 'base64').toString().split(':');
      return given === password ? next({ ...request, user })
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="' + realm + '"' }, body: 'login' };
    };`,
    'mark.mjs': `export const createFilter = async () => async (request, next) => {
      const answer = await next({ ...request, user: request.user + '!' });
      return { ...answer, headers: { ...answer.headers, 'x-mark': 'yes' } };
    };`,
  });
  const [login, mark] = ['login.mjs', 'mark.mjs'].map((name) => join(path, name));
  const on = await guarded({
    'spark.ui.filters': `${login},${mark}`,
    [`spark.${login}.param.password`]: 'open',
    [`spark.${login}.params`]: 'realm=ours,password=overridden',
  });
  const refused = await on(request('GET', '/'));
  assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Basic realm="ours"']);
  assert.equal(refused.headers['x-mark'], undefined);
  const authorization = `Basic ${Buffer.from('ann:open').toString('base64')}`;
  const passed = await on(request('GET', '/', { headers: { authorization } }));
  assert.deepEqual([seen(passed), passed.headers['x-mark']], ['200 for ann!', 'yes']);
});

test('a filter that cannot be used is named when the daemon starts', async (t) => {
  const path = folder(t, {
    'none.mjs': 'export const other = 1;',
    'throws.mjs': 'export const createFilter = () => { throw new Error("no key"); };',
    'nothing.mjs': 'export const createFilter = () => 7;',
  });
  for (const [name, why] of [
    [join(path, 'none.mjs'), /none\.mjs: the module exports no function createFilter\(parameters, log\)/],
    [join(path, 'throws.mjs'), /throws\.mjs: createFilter failed: no key/],
    [join(path, 'nothing.mjs'), /nothing\.mjs: createFilter gave no function \(request, next\)/],
    [join(path, 'absent.mjs'), /absent\.mjs: the module cannot be loaded: /],
    ['com.acme.LoginFilter', /has com\.acme\.LoginFilter, a class of Java's: name a JavaScript module/],
    ['org.apache.spark.ui.JWSFilter', /JWSFilter\.param\.secretKey is not set/],
  ] as const)
    await assert.rejects(guarded({ 'spark.ui.filters': name }), why);
});

const KEY = Buffer.alloc(64, 7);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: unknown, alg: 'HS256' | 'HS512' | 'none' = 'HS256', key = KEY): string =>
  jsonWebToken(claims, key, alg);

test('a signed token lets in who has it, by the name in it', async () => {
  const name = 'org.apache.spark.ui.JWSFilter';
  const secret = { 'spark.ui.filters': name, [`spark.${name}.param.secretKey`]: KEY.toString('base64url') };
  const on = await guarded(secret);
  const show = async (authorization?: string) =>
    seen(await on(request('GET', '/', authorization === undefined ? {} : { headers: { authorization } })));
  assert.equal(await show(), '403 Authorization header is missing.');
  assert.equal(await show('Basic xyz'), '403 Malformed Authorization header.');
  assert.equal(await show(`Bearer ${token({})}`), '200 for null');
  assert.equal(
    await show(`Bearer ${token({ sub: 'ann', exp: NOW / 1000 + 1, nbf: NOW / 1000 }, 'HS512')}`),
    '200 for ann',
  );
  const good = token({ sub: 'ann' });
  for (const bad of [
    token({ sub: 'ann' }, 'HS256', Buffer.alloc(64, 8)),
    token({ sub: 'ann', exp: NOW / 1000 }),
    token({ sub: 'ann', nbf: NOW / 1000 + 1 }),
    token({ sub: 'ann', exp: 'never' }),
    token({}, 'none'),
    `${part({ alg: 'none' })}.${part({ sub: 'ann' })}.`,
    `${good}.x`,
    `${good}x`,
    good.slice(0, -2),
    `x${good}`,
    'x',
    '..',
  ])
    assert.equal(await show(`Bearer ${bad}`), '403 JWT Validate Fail', bad);
  for (const short of ['', 'c2hvcnQ', '!'.repeat(50)])
    await assert.rejects(
      guarded({ ...secret, [`spark.${name}.param.secretKey`]: short }),
      /32 random bytes as base64url/,
    );
});

test('parameters of filters are settings that are known, and secret ones are hidden', () => {
  const conf = new SparkConf({ 'spark.a.b.Filter.param.x': '1', 'spark.a.b.Filter.params': 'x=1', 'spark.odd': '1' });
  assert.deepEqual(
    conf.unknownKeys().map(({ key }) => key),
    ['spark.odd'],
  );
});

test('redirections lead to the proxy that is named, below the path that it says', async () => {
  const conf = new SparkConf({ 'spark.ui.proxyRedirectUri': 'https://front:8443/' });
  const { guard } = await openPageGuard(conf, new ManualClock(), silentLogger);
  for (const [path, location, headers, leadsTo] of [
    ['/', 'jobs/', {}, 'https://front:8443/jobs/'],
    ['/jobs/job/kill/', '../../', { 'x-forwarded-context': '/apps/1/' }, 'https://front:8443/apps/1/jobs/'],
    ['/stages/stage', 'stage/?id=1&attempt=0', {}, 'https://front:8443/stages/stage/?id=1&attempt=0'],
    ['/x', 'http://here:4040/y?z', {}, 'https://front:8443/y?z'],
  ] as const) {
    const answer = await guard(() => redirectAnswer(location))(request('GET', path, { headers }));
    assert.deepEqual([answer.status, answer.headers['location']], [303, leadsTo]);
  }
  assert.equal((await guard(() => textAnswer(200, 'x'))(request('GET', '/'))).headers['location'], undefined);
});

test('the filter of the documentation asks for a password', async (t) => {
  const page = readFileSync(new URL('../../../docs/standalone.md', import.meta.url), 'utf8');
  const code = [...page.matchAll(/```js\n([^`]*createFilter[\s\S]*?)```/g)].map(([, text = '']) => text);
  assert.equal(code.length, 1);
  const path = folder(t, { 'login.mjs': code[0] ?? '', 'users.json': '{"ann":"open"}' });
  const login = join(path, 'login.mjs');
  const on = await guarded({ 'spark.ui.filters': login, [`spark.${login}.param.file`]: join(path, 'users.json') });
  const as = async (text: string) => {
    const authorization = `Basic ${Buffer.from(text).toString('base64')}`;
    return seen(await on(request('GET', '/', { headers: { authorization } })));
  };
  assert.equal(await as('ann:open'), '200 for ann');
  for (const wrong of ['ann:shut', 'ann', 'eve:', 'eve', '', ':', 'ann:openx'])
    assert.equal(await as(wrong), '401 Who is it?', wrong);
  assert.equal((await on(request('GET', '/'))).status, 401);
});
