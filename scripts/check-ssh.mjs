// The tests that need a real ssh and sshd: test/ssh/*.real.ts, compiled. Installs Debian's packages when they are not there and this may
// be done here (apt, root); where it is not possible, says so and lets the rest of CI go on.
// A server runs on loopback with keys of its own, in a directory below the temporary one, and ends with the tests.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDebianPackages } from './install-debian-packages.mjs';
import { runTestFiles } from './run-test-files.mjs';

const has = (program) =>
  spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${program}`], { stdio: 'ignore' }).status === 0;
const missing = () => ['ssh', 'ssh-keygen', 'sshd'].filter((program) => !has(program));

if (missing().length > 0) installDebianPackages(['openssh-client', 'openssh-server']);
const reasons = missing();
const others = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
if (!others.some(({ family, internal }) => family === 'IPv4' && !internal))
  reasons.push('an address of this machine besides loopback');
if (reasons.length > 0) {
  console.error(`
=====================================================================================
 The tests of start-workers with a real ssh have NOT been run: there is not
 ${reasons.join(', nor ')}, and it could not be installed. As root, on Debian:
   apt-get install --no-install-recommends openssh-client openssh-server
=====================================================================================
`);
  process.exit(0);
}

const folder = join(import.meta.dirname, '..');
const files = readdirSync(join(folder, 'test/ssh'))
  .filter((name) => name.endsWith('.real.ts'))
  .map((name) => join(folder, 'dist/test/ssh', name.replace(/\.ts$/, '.js')));
for (const file of files)
  if (!existsSync(file)) {
    console.error(`${file} is not there; build first: npm run build`);
    process.exit(1);
  }

const temporary = mkdtempSync(join(tmpdir(), 'iskra-check-ssh-'));
process.env.TMPDIR = temporary;
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
const right = await runTestFiles(files, { root: join(folder, 'dist') });
process.exitCode = right ? 0 : 1;
