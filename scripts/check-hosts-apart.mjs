// The tests of a cluster on several hosts: test/hosts/*.hosts.ts, compiled. Hosts are network namespaces that a bridge joins, each
// with files of its own; links are cut. Needs Linux, root, and Debian's packages iproute2 and util-linux; where this cannot be, says so.
//
// All of it lives in namespaces of this run: of processes, mounts and the network. The first process in there ends when this one
// does, however that ends, and the system takes processes, namespaces, links and files with it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { installDebianPackages } from './install-debian-packages.mjs';

const INSIDE = 'ISKRA_HOSTS_APART';
const INSTALLATION = '/mnt/iskra';
const NODE = '/mnt/node';
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Of the package that scripts/check-zookeeper.mjs installs. */
const ZOOKEEPER = '/usr/share/java/zookeeper.jar';
const needsZooKeeper = (name) => name.startsWith('masters.');

process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`; // where some have ip and bridge
const folder = resolve(import.meta.dirname, '..');
if (process.env[INSIDE] === undefined) await outside();
else await inside();

async function outside() {
  const missing = whatIsMissing();
  if (missing !== null) {
    console.error(
      `\n${'='.repeat(100)}\n The tests of hosts apart have NOT been run: ${missing}\n${'='.repeat(100)}\n`,
    );
    process.exit(0);
  }
  for (const file of files(folder))
    if (!existsSync(file)) {
      console.error(`${file} is not there; build first: npm run build`);
      process.exit(1);
    }
  if (!existsSync(ZOOKEEPER))
    console.error('The test of several masters on hosts apart has NOT been run: there is no package zookeeper.');
  const mark = `${INSIDE}=${process.pid}-${Date.now()}`;
  const shell = '"$@"; exit $?'; // the shell stays, and buries processes whose parents have ended
  const program = [process.execPath, import.meta.filename, ...process.argv.slice(2)];
  const child = spawn('unshare', [...NAMESPACES, 'sh', '-c', shell, 'sh', ...program], {
    env: { ...process.env, [INSIDE]: mark.split('=')[1] },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGKILL'));
  const code = await new Promise((done) => child.on('close', done));
  const left = await processesWith(mark);
  if (left.length > 0) console.error(`processes are left: ${left.join(', ')}`);
  process.exit(left.length > 0 ? 1 : (code ?? 1));
}

/** @returns null when nothing is. */
function whatIsMissing() {
  if (process.platform !== 'linux') return `they need Linux, and this is ${process.platform}.`;
  if (process.getuid?.() !== 0) return 'they need root, for namespaces of the network.';
  const lacks = () =>
    ['ip', 'bridge', 'unshare', 'nsenter'].filter((name) => spawnSync(name, ['-V']).error !== undefined);
  if (lacks().length > 0) installDebianPackages(['iproute2', 'util-linux']);
  if (lacks().length > 0)
    return `there is no ${lacks().join(', no ')}. As root, on Debian: apt-get install iproute2 util-linux`;
  const links = 'ip link add one type bridge && ip link add two type veth peer name three && mount -t tmpfs none /mnt';
  const tried = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', links], { encoding: 'utf8' });
  return tried.status === 0 ? null : `namespaces, bridges or veth pairs cannot be made here: ${tried.stderr.trim()}`;
}

/** `--test-name-pattern=PATTERN`, for whoever works at one of them. */
function namePattern() {
  return process.argv.filter((arg) => arg.startsWith('--test-name-pattern='));
}

function files(installation) {
  const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  return readdirSync(join(installation, 'test/hosts'))
    .filter((name) => existsSync(ZOOKEEPER) || !needsZooKeeper(name))
    .filter((name) => name.endsWith('.hosts.ts') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
    .map((name) => join(installation, 'dist/test/hosts', name.replace(/\.ts$/, '.js')));
}

/** Numbers of processes with this in their environment, once those that end have had a moment. */
async function processesWith(mark) {
  for (let tries = 0; ; tries++) {
    const found = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
      } catch {
        return false;
      }
    });
    if (found.length === 0 || tries === 20) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function inside() {
  // Whoever started this has ended.
  process.stdin.on('end', () => process.exit(1)).resume();
  const shell = (text, ...args) => {
    const { status, stderr } = spawnSync('sh', ['-ec', text, 'sh', ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${text}: ${stderr}`);
  };
  shell(
    `mount -t tmpfs own /mnt; mkdir "$2"; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"
     touch "$4"; mount --bind "$3" "$4"; ip link set lo up`,
    ...[folder, INSTALLATION, process.execPath, NODE],
  );
  // Where applications, their packages, work directories and caches lie; and the installation as it is seen from its real place.
  const first = sep + folder.split(sep)[1];
  const own = ['/srv', '/tmp', '/var/tmp', '/run', homedir(), tmpdir(), first];
  const system = new Set(['/usr', '/etc', '/var', '/opt', '/mnt', '/lib', '/bin', '/proc', '/sys', '/dev', '/']);
  process.env.ISKRA_HOSTS_OWN = [...new Set(own)].filter((path) => existsSync(path) && !system.has(path)).join(':');
  process.env.ISKRA_HOSTS_INSTALLATION = INSTALLATION;
  process.env.ISKRA_HOSTS_NODE = NODE;
  shell('mount -t tmpfs own /tmp'); // what the tests themselves write
  process.env.TMPDIR = '/tmp';
  const root = join(INSTALLATION, 'dist');
  // This file's own folder may be hidden by now.
  const { runTestFiles } = await import(join(INSTALLATION, 'scripts/run-test-files.mjs'));
  process.exitCode = (await runTestFiles(files(INSTALLATION), { root, flags: namePattern() })) ? 0 : 1;
  process.stdin.destroy();
}
