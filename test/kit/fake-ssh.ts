import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** How the stand-in for ssh behaves for a host: a script of `sh`, with the remote command as `$command`. */
export type SshHosts = Readonly<Record<string, string>>;

export interface FakeSsh {
  /** For `PATH`. */
  readonly path: string;
  /** What it was called with, a line a call: its options, `--` and the host. */
  calls(): string[];
}

/** A program `ssh` that runs commands here, in a shell without this process's variables of daemons. */
export function fakeSsh(folder: string, hosts: SshHosts): FakeSsh {
  const bin = join(folder, 'ssh-bin');
  const log = join(folder, 'ssh-calls');
  mkdirSync(bin);
  writeFileSync(log, '');
  const cases = Object.entries(hosts).map(([host, script]) => `${host}) ${script} ;;`);
  writeFileSync(
    join(bin, 'ssh'),
    `#!/bin/sh
given=''
while [ "$1" != -- ]; do given="$given$1 "; shift; done
host=$2; command=$3
printf '%s\\n' "$given-- $host" >> '${log}'
for name in $(env | sed -n 's/^\\(_*\\(ISKRA\\|SPARK\\)_[A-Za-z_]*\\)=.*/\\1/p'); do unset $name; done
case $host in
${cases.join('\n')}
*) echo "ssh: Could not resolve hostname $host" >&2; exit 255 ;;
esac
`,
  );
  chmodSync(join(bin, 'ssh'), 0o755);
  return {
    path: `${bin}${delimiter}${process.env['PATH']}`,
    calls: () => readFileSync(log, 'utf8').trimEnd().split('\n').sort(),
  };
}
