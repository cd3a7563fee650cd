import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

interface Alias {
  readonly name: string;
  port: number;
  key: string;
}

/** A real sshd on loopback with keys of its own, which lets in the user who runs this. It ends with this process. */
export class SshServer {
  /** For `ssh -F`: the server under each of its names. */
  readonly configFile: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #aliases: readonly Alias[];

  static async start(below: string, names: readonly string[]): Promise<SshServer> {
    const folder = join(below, 'ssh');
    mkdirSync(folder, { mode: 0o700 });
    for (const key of ['host-key', 'key', 'other-key'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
    copyFileSync(join(folder, 'key.pub'), join(folder, 'authorized_keys'));
    const port = await freePort();
    writeFileSync(
      join(folder, 'sshd_config'),
      `ListenAddress 127.0.0.1
Port ${port}
HostKey ${folder}/host-key
AuthorizedKeysFile ${folder}/authorized_keys
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
`,
    );
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true }); // Debian makes it when the service starts
    const sshd = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin command -v sshd'], { encoding: 'utf8' }).trim();
    // It wants to be called by its whole path.
    const child = spawn(sshd, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    while (!(await answers(port))) assert.equal(child.exitCode, null, said);
    const key = join(folder, 'key');
    return new SshServer(
      folder,
      child,
      names.map((name) => ({ name, port, key })),
    );
  }

  private constructor(folder: string, child: ChildProcess, aliases: readonly Alias[]) {
    this.#folder = folder;
    this.configFile = join(folder, 'config');
    this.#child = child;
    this.#aliases = aliases;
    process.on('exit', () => child.kill('SIGKILL'));
    this.#write();
  }

  /** Whoever goes by this name shows another key. */
  forgetKey(name: string): void {
    this.#alias(name).key = join(this.#folder, 'other-key');
    this.#write();
  }

  move(name: string, port: number): void {
    this.#alias(name).port = port;
    this.#write();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #alias(name: string): Alias {
    const alias = this.#aliases.find((each) => each.name === name);
    assert.ok(alias !== undefined);
    return alias;
  }

  #write(): void {
    const hosts = this.#aliases.map(
      ({ name, port, key }) => `Host ${name}
  HostName 127.0.0.1
  Port ${port}
  User ${userInfo().username}
  IdentityFile ${key}
  IdentitiesOnly yes
  IdentityAgent none
  StrictHostKeyChecking accept-new
  UserKnownHostsFile ${this.#folder}/known_hosts
  LogLevel ERROR
`,
    );
    writeFileSync(this.configFile, hosts.join('\n'));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('error', () => setTimeout(() => resolve(false), 10));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
