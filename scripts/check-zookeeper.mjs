// The tests that need a real ZooKeeper: test/zookeeper/*.real.ts, compiled. Installs Debian's package zookeeper when it is not there
// and this may be done here (apt, root); where it is not possible, says so and lets the rest of CI go on.
// A server runs on loopback, in a directory of its own below the temporary one, and is gone afterwards.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDebianPackages } from './install-debian-packages.mjs';
import { runTestFiles } from './run-test-files.mjs';

const JAR = '/usr/share/java/zookeeper.jar';

const has = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const missing = () =>
  [!existsSync(JAR) && 'the package zookeeper', !has('java', '-version') && 'a Java runtime'].filter(Boolean);

if (missing().length > 0)
  installDebianPackages(['zookeeper', ...(has('java', '-version') ? [] : ['default-jre-headless'])]);
const reasons = missing();
if (reasons.length > 0) {
  console.error(`
=====================================================================================
 ZooKeeper's tests have NOT been run: there is not ${reasons.join(', nor ')},
 and it could not be installed. As root, on Debian:
   apt-get install --no-install-recommends zookeeper default-jre-headless
=====================================================================================
`);
  process.exit(0);
}

const folder = join(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const files = readdirSync(join(folder, 'test/zookeeper'))
  .filter((name) => name.endsWith('.real.ts') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => join(folder, 'dist/test/zookeeper', name.replace(/\.ts$/, '.js')));
for (const file of files)
  if (!existsSync(file)) {
    console.error(`${file} is not there; build first: npm run build`);
    process.exit(1);
  }

// All that tests make is in here, servers with their numbers: nothing stays, however they end.
const temporary = mkdtempSync(join(tmpdir(), 'iskra-check-zookeeper-'));
process.env.TMPDIR = temporary;
process.on('exit', () => {
  for (const name of readdirSync(temporary)) {
    try {
      const pid = Number(readFileSync(join(temporary, name, 'pid'), 'utf8'));
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(temporary)) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  }
  rmSync(temporary, { recursive: true, force: true });
});
const right = await runTestFiles(files, { root: join(folder, 'dist') });
process.exitCode = right ? 0 : 1;
