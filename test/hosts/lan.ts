import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Host } from './host.ts';

/** Nobody has it: what is sent there gets lost, and nobody says so. */
const NOBODYS_MAC = '02:00:00:00:00:fe';

/** Hosts that a bridge joins, each by a wire of its own. */
export class Lan {
  readonly #bridge: string;
  readonly #hosts = new Map<string, { readonly host: Host; readonly port: string }>();

  static async start(names: readonly string[]): Promise<Lan> {
    const lan = new Lan();
    const hosts = await Promise.all(names.map((name, i) => Host.start(name, `10.99.0.${i + 1}`)));
    const known = ['127.0.0.1 localhost', ...hosts.map(({ name, address }) => `${address} ${name}`)].join('\n');
    const commands = [`link add ${lan.#bridge} type bridge`, `link set ${lan.#bridge} up`];
    hosts.forEach((host, i) => {
      const port = `i${process.pid}-${i + 1}`;
      lan.#hosts.set(host.name, { host, port });
      commands.push(`link add ${port} type veth peer name eth0 netns ${host.pid}`);
      commands.push(`link set ${port} master ${lan.#bridge} up`);
    });
    execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });
    for (const host of hosts) {
      inside(host, 'ip', `addr add ${host.address}/24 dev eth0`);
      inside(host, 'ip', 'link set eth0 up');
      writeFileSync(host.path('/srv/hosts'), `${known}\n`);
      inside(host, 'mount', '--bind /srv/hosts /etc/hosts');
    }
    return lan;
  }

  private constructor() {
    this.#bridge = `i${process.pid}`;
  }

  host(name: string): Host {
    return this.#of(name).host;
  }

  /** Nothing passes a host's wire any more, and nobody is told. */
  cut(name: string): void {
    this.#wire(name, 0);
  }

  mend(name: string): void {
    this.#wire(name, 3);
  }

  /** Nothing passes between these two; both reach all others. */
  cutBetween(one: string, other: string): void {
    for (const [from, to] of this.#bothWays(one, other))
      inside(from, 'ip', `neigh replace ${to.address} lladdr ${NOBODYS_MAC} nud permanent dev eth0`);
  }

  mendBetween(one: string, other: string): void {
    for (const [from, to] of this.#bothWays(one, other)) inside(from, 'ip', `neigh del ${to.address} dev eth0`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(({ host }) => host.stop()));
    execFileSync('ip', ['link', 'del', this.#bridge]);
  }

  #bothWays(one: string, other: string): [Host, Host][] {
    const [a, b] = [this.host(one), this.host(other)];
    return [
      [a, b],
      [b, a],
    ];
  }

  /** States of a bridge's port: 0 disabled, 3 forwarding. The host's own end stays up, as with a switch that fails. */
  #wire(name: string, state: 0 | 3): void {
    execFileSync('bridge', ['link', 'set', 'dev', this.#of(name).port, 'state', String(state)]);
  }

  #of(name: string): { readonly host: Host; readonly port: string } {
    const found = this.#hosts.get(name);
    if (found === undefined) throw new Error(`there is no host ${name}`);
    return found;
  }
}

/** Runs a program in the namespaces of a host. */
function inside(host: Host, program: string, args: string): void {
  execFileSync('nsenter', ['-t', String(host.pid), '--net', '--mount', program, ...args.split(' ')]);
}
