import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { AgentNews, AgentRequest } from './host-agent.ts';

/** Where the installation is on all hosts; scripts/check-hosts-apart.mjs has put it there. */
const INSTALLATION = process.env['ISKRA_HOSTS_INSTALLATION'] ?? '';
const NODE = process.env['ISKRA_HOSTS_NODE'] ?? '';
/** What each host has for itself, empty at first: all that a user of Iskra, or Iskra, writes to. */
const OWN_DIRECTORIES = (process.env['ISKRA_HOSTS_OWN'] ?? '').split(':');

/** Run by a shell in the host's namespaces. */
const SET_UP = `set -e
agent=$1; name=$2; shift 2
for directory in "$@"; do mount -t tmpfs -o size=512m own "$directory"; done
echo "$name" > /proc/sys/kernel/hostname
ip link set lo up
exec "$ISKRA_HOSTS_NODE" "$agent"
`;

type Request = AgentRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

/** A process that was started on a host. */
export class Running {
  out = '';
  err = '';
  readonly id: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #host: Host;
  readonly #looks = new Set<() => void>();
  #end: (end: { code: number | null; signal: NodeJS.Signals | null }) => void = () => {};
  #isOver = false;

  constructor(host: Host, id: number) {
    this.#host = host;
    this.id = id;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  hear(news: AgentNews): void {
    if ('out' in news) this.out += news.out;
    else if ('err' in news) this.err += news.err;
    else if ('ended' in news) {
      this.#isOver = true;
      this.#end(news.ended);
    }
    for (const look of this.#looks) look();
  }

  /** Waits for a match in what it prints, from a place on; what its first group caught. */
  said(pattern: RegExp, from: { readonly out: number; readonly err: number } = { out: 0, err: 0 }): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.out.slice(from.out)) ?? pattern.exec(this.err.slice(from.err));
        if (found === null && !this.#isOver) return;
        this.#looks.delete(look);
        if (found !== null) resolve(found[1] ?? found[0]);
        else reject(new Error(`${this.#host.name}: ended without ${pattern}:\n${this.out}\n${this.err}`));
      };
      this.#looks.add(look);
      look();
    });
  }

  /** For `said`: what comes after now. */
  get now(): { readonly out: number; readonly err: number } {
    return { out: this.out.length, err: this.err.length };
  }

  write(text: string): Promise<unknown> {
    return this.#host.ask({ do: 'write', to: this.id, text });
  }

  kill(signal: NodeJS.Signals): Promise<unknown> {
    return this.#host.ask({ do: 'kill', to: this.id, signal });
  }
}

/** A host of its own name, network and files. */
export class Host {
  readonly name: string;
  readonly address: string;
  readonly running: Running[] = [];
  readonly #agent: ChildProcess;
  readonly #started = new Map<number, Running>();
  readonly #asked = new Map<number, { resolve: (reply: unknown) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  /** Resolves when its agent is there; it has no way to others yet. */
  static async start(name: string, address: string): Promise<Host> {
    const agentFile = `${INSTALLATION}/dist/test/hosts/host-agent.js`;
    const args = ['--net', '--mount', '--uts', 'sh', '-c', SET_UP, 'sh', agentFile, name, ...OWN_DIRECTORIES];
    // Nothing of Iskra's or Spark's from the environment of whoever runs this.
    const env = Object.entries(process.env).filter(([key]) => !/^_?(SPARK|ISKRA(?!_HOSTS))_/.test(key));
    const agent = spawn('unshare', args, {
      env: { ...Object.fromEntries(env), NODE_TEST_CONTEXT: undefined },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const host = new Host(name, address, agent);
    await new Promise((resolve, reject) => {
      host.#asked.set(0, { resolve, reject });
      agent.on('exit', (code) => reject(new Error(`the agent of ${name} ended with ${code}`)));
    });
    return host;
  }

  private constructor(name: string, address: string, agent: ChildProcess) {
    this.name = name;
    this.address = address;
    this.#agent = agent;
    if (agent.stdout === null) throw new Error('the agent has no standard output');
    createInterface({ input: agent.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as AgentNews));
  }

  get pid(): number {
    return this.#agent.pid as number; // it was started
  }

  /** Where its file is to be found from outside. */
  path(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(this.path(path)), { recursive: true });
      writeFileSync(this.path(path), content, { mode: 0o600 });
    }
  }

  ask(request: Request): Promise<unknown> {
    return this.#send(this.#nextId++, request);
  }

  start(argv: readonly string[], env: Record<string, string> = {}): Running {
    const id = this.#nextId++;
    const running = new Running(this, id);
    this.#started.set(id, running);
    this.running.push(running);
    void this.#send(id, { do: 'start', argv, env });
    return running;
  }

  iskra(...args: string[]): Running {
    return this.start([NODE, `${INSTALLATION}/bin/iskra`, ...args]);
  }

  /** Processes here whose command line has this text. */
  async processes(text: string): Promise<string[]> {
    return ((await this.ask({ do: 'processes' })) as string[]).filter((line) => line.includes(text));
  }

  async stop(): Promise<void> {
    if (this.#agent.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#agent.once('exit', resolve));
    this.#agent.stdin?.end();
    await gone;
  }

  #send(id: number, request: Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#agent.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  #hear(news: AgentNews): void {
    const asked = this.#asked.get(news.id);
    if ('reply' in news) asked?.resolve(news.reply);
    else if ('failed' in news) asked?.reject(new Error(`${this.name}: ${news.failed}`));
    else this.#started.get(news.id)?.hear(news);
  }
}
