import { setTimeout as pause } from 'node:timers/promises';
import type { Host, Running } from './host.ts';
import { Lan } from './lan.ts';

const SECRET = 'of-all-hosts-of-this-cluster-0123456789';
export const CONF = '/srv/conf/cluster.conf';

/** Shorter than anybody would set them, so that what takes minutes takes seconds. */
const SETTINGS: Readonly<Record<string, string>> = {
  'spark.authenticate': 'true',
  'spark.authenticate.secret.file': '/srv/conf/secret',
  'spark.network.crypto.enabled': 'true',
  'spark.network.timeout': '8s',
  'spark.network.timeoutInterval': '1s',
  'spark.executor.heartbeatInterval': '1s',
  'spark.worker.timeout': '4',
  'spark.iskra.standalone.registrationTimeout': '2s',
  'spark.shuffle.io.maxRetries': '1',
  'spark.shuffle.io.retryWait': '200ms',
  'spark.local.dir': '/srv/local',
  'spark.executor.memory': '512m',
  'spark.log.level': 'INFO',
};

/** The application, its packages and its files: on the host that submits it, and on no other. */
const APPLICATION: Readonly<Record<string, string>> = {
  'package.json': '{"type":"module"}',
  'node_modules/shouter/package.json':
    '{"name":"shouter","version":"1.0.0","type":"module","exports":"./index.js","dependencies":{"marks":"1"}}',
  'node_modules/shouter/index.js':
    "import marks from 'marks'; export const shout = (word) => word.toUpperCase() + marks.end;",
  'node_modules/marks/package.json': '{"name":"marks","version":"1.0.0"}',
  'node_modules/marks/index.js': "exports.end = '!';",
  'stop-words.txt': 'the\nof\n',
  'lib/words.ts': `export function split(line: string): string[] {
  return line.split(' ');
}
export function refuse(word: string): string {
  if (word.length > 0) throw new Error('a bad word: ' + word);
  return word;
}
`,
  'words.ts': `import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SparkContext, SparkFiles } from 'iskra';
import { shout } from 'shouter';
import { refuse, split } from './lib/words.ts';

const LINES = ['the hosts of the cluster', 'share no disk', 'hosts share the bridge', 'no host of the cluster'];

export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  await sc.addFile(fileURLToPath(new URL('./stop-words.txt', import.meta.url)));
  const names = sc.broadcast(new Map([['disk', 'file']]));
  const counts = await sc
    .parallelize(LINES, 4)
    .flatMap(split)
    .filter((word) => !readFileSync(SparkFiles.get('stop-words.txt'), 'utf8').split('\\n').includes(word))
    .map((word): [string, number] => [shout(names.value.get(word) ?? word), 1])
    .reduceByKey((a, b) => a + b, 3)
    .collect();
  console.log('driver ' + hostname());
  console.log('counts ' + JSON.stringify(counts.sort()));
  try {
    await sc.parallelize(['oh'], 1).map(refuse).collect();
  } catch (error) {
    console.log('stack ' + JSON.stringify((error as Error).stack));
  }
  await sc.stop();
}
`,
  'shell.ts': `import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { SparkContext } from 'iskra';

interface Part { readonly sum: number; readonly hosts: readonly string[] }

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  console.log('application ' + sc.applicationId);
  const kept = sc.range(0, 4000, 1, 4).map((x): [number, number] => { if (x % 1000 === 0) sleep(200); return [x % 100, x]; }).reduceByKey((a, b) => a + b, 4);
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, tasks = '0', ms = '0'] = line.split(' ');
    try {
      if (what === 'sum') {
        const wait = Number(ms);
        const parts = await sc
          .range(0, Number(tasks), 1, Number(tasks))
          .map((x): [number, Part] => { sleep(wait); return [x % 4, { sum: x, hosts: [hostname()] }]; })
          .reduceByKey((a, b) => ({ sum: a.sum + b.sum, hosts: [...new Set([...a.hosts, ...b.hosts])] }), 4)
          .collect();
        const hosts = new Set(parts.flatMap(([, part]) => part.hosts));
        console.log('sum ' + parts.reduce((sum, [, part]) => sum + part.sum, 0) + ' on ' + [...hosts].sort().join());
      } else if (what === 'kept') console.log('kept ' + (await kept.values().sum()));
      else break;
    } catch (error) {
      console.log('failed ' + (error as Error).message);
    }
  }
  await sc.stop();
}
`,
};

/** What shell.ts makes of `sum TASKS MS`. */
export const sumOf = (tasks: number): number => (tasks * (tasks - 1)) / 2;

/** The tasks of what it was just asked for run, and some have ended. */
export async function atWork(shell: Running): Promise<void> {
  await shell.said(/Submitting \d+ missing tasks from ShuffleMapStage/, shell.now);
  await pause(600);
}

export interface MasterPage {
  readonly status: string;
  readonly workers: readonly { readonly host: string; readonly state: string; readonly coresused: number }[];
  readonly activeapps: readonly { readonly id: string; readonly state: string }[];
  readonly completedapps: readonly { readonly id: string; readonly state: string }[];
}

/** host-a with the master, host-b and host-c with workers, host-d with nothing. */
export class ClusterOfHosts {
  readonly lan: Lan;
  readonly settings: Readonly<Record<string, string>>;

  static async start(names: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<ClusterOfHosts> {
    const cluster = new ClusterOfHosts(await Lan.start(names), { ...SETTINGS, ...more });
    for (const name of names) cluster.configure(cluster.lan.host(name), CONF, SECRET);
    return cluster;
  }

  private constructor(lan: Lan, settings: Readonly<Record<string, string>>) {
    this.lan = lan;
    this.settings = settings;
  }

  host(name: string): Host {
    return this.lan.host(name);
  }

  configure(host: Host, file: string, secret: string): void {
    const secretFile = `${file}.secret`;
    const settings = { ...this.settings, 'spark.authenticate.secret.file': secretFile };
    const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
    host.write({ [file]: `${lines.join('\n')}\n`, [secretFile]: secret });
  }

  install(host: Host): void {
    host.write(Object.fromEntries(Object.entries(APPLICATION).map(([name, text]) => [`/srv/app/${name}`, text])));
  }

  master(name: string): Running {
    return this.host(name).iskra('master', '--host', name, '--properties-file', CONF);
  }

  worker(name: string, masters: string, conf: string = CONF): Running {
    const room = ['--cores', '2', '--memory', '2g', '--work-dir', '/srv/work'];
    return this.host(name).iskra('worker', '--host', name, ...room, '--properties-file', conf, masters);
  }

  submit(name: string, masters: string, ...args: string[]): Running {
    return this.host(name).iskra('submit', '--master', masters, '--properties-file', CONF, ...args);
  }

  /** Asks an application of shell.ts for something, and waits for the answer. */
  async ask(shell: Running, command: string): Promise<string> {
    const { now } = shell;
    await shell.write(`${command}\n`);
    return shell.said(/^((?:sum|kept|failed) .*)\n/m, now);
  }

  /** What a master's page says, asked on its own host. */
  async page(name: string): Promise<MasterPage> {
    return JSON.parse((await this.host(name).ask({ do: 'get', url: `http://${name}:8080/json/` })) as string);
  }

  /** Looks at a master's page until it is so. */
  async until(name: string, what: string, found: (page: MasterPage) => boolean): Promise<MasterPage> {
    for (let tries = 0; ; tries++) {
      const page = await this.page(name);
      if (found(page)) return page;
      if (tries === 1000) throw new Error(`waited 200 s until ${what}: ${JSON.stringify(page)}`);
      await pause(200);
    }
  }

  async stop(): Promise<void> {
    await this.lan.stop();
  }

  /** All that was written, for a test that fails. */
  story(names: readonly string[]): string {
    return names
      .flatMap((name) => this.host(name).running.map(({ out, err }) => `---- ${name}\n${out}\n${err}`))
      .join('\n');
  }
}
