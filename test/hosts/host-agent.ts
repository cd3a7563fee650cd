// The first process of a host: starts others there, fetches pages, sends garbage. Requests and news are lines of JSON, over
// standard input and output; it ends, with all that it has started, when nobody speaks to it any more.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

export type AgentRequest =
  | {
      readonly id: number;
      readonly do: 'start';
      readonly argv: readonly string[];
      readonly env: Record<string, string>;
    }
  | { readonly id: number; readonly do: 'write'; readonly to: number; readonly text: string }
  | { readonly id: number; readonly do: 'kill'; readonly to: number; readonly signal: NodeJS.Signals }
  | { readonly id: number; readonly do: 'get'; readonly url: string }
  | { readonly id: number; readonly do: 'garbage'; readonly host: string; readonly port: number; readonly hex: string }
  | { readonly id: number; readonly do: 'processes' };

export type AgentNews =
  | { readonly id: number; readonly out: string }
  | { readonly id: number; readonly err: string }
  | { readonly id: number; readonly ended: { readonly code: number | null; readonly signal: NodeJS.Signals | null } }
  | { readonly id: number; readonly reply: unknown }
  | { readonly id: number; readonly failed: string };

const children = new Map<number, ChildProcess>();
const tell = (news: AgentNews): void => {
  process.stdout.write(`${JSON.stringify(news)}\n`);
};

/** Command lines of the processes that run on this host: those of its network. */
function processes(): string[] {
  const here = readlinkSync('/proc/self/ns/net');
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) !== here) return [];
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return line === '' ? [] : [line]; // one that has ended, and was not waited for, has none
    } catch {
      return []; // it has just ended
    }
  });
}

function sendGarbage(host: string, port: number, hex: string): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, host, () => socket.write(Buffer.from(hex, 'hex')));
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    socket.on('close', () => resolve(received));
  });
}

async function answer(request: AgentRequest): Promise<unknown> {
  switch (request.do) {
    case 'start': {
      const [program = '', ...args] = request.argv;
      const env = { ...process.env, ...request.env };
      const child = spawn(program, args, { cwd: '/srv', env, stdio: 'pipe' });
      children.set(request.id, child);
      child.stdout.setEncoding('utf8').on('data', (out: string) => tell({ id: request.id, out }));
      child.stderr.setEncoding('utf8').on('data', (err: string) => tell({ id: request.id, err }));
      child.stdin.on('error', () => {});
      child.on('error', (error) => tell({ id: request.id, err: error.message }));
      child.on('close', (code, signal) => tell({ id: request.id, ended: { code, signal } }));
      return child.pid;
    }
    case 'write':
      children.get(request.to)?.stdin?.write(request.text);
      return null;
    case 'kill':
      children.get(request.to)?.kill(request.signal);
      return null;
    case 'get': {
      const response = await fetch(request.url, { signal: AbortSignal.timeout(60_000) });
      return response.text();
    }
    case 'garbage':
      return sendGarbage(request.host, request.port, request.hex);
    case 'processes':
      return processes();
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const request = JSON.parse(line) as AgentRequest;
  answer(request).then(
    (reply) => tell({ id: request.id, reply }),
    (error: Error) => tell({ id: request.id, failed: error.message }),
  );
});
lines.on('close', () => {
  for (const child of children.values()) child.kill('SIGKILL');
  process.exit(0);
});
tell({ id: 0, reply: 'ready' });
