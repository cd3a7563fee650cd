import { spawnSync } from 'node:child_process';

/** Enough for a mirror at the other end of a slow line; one that does not answer holds nobody up for longer. */
const FETCH_LIMIT_MS = 180_000;
const UNPACK_LIMIT_MS = 600_000;
const PATIENCE = [
  'Acquire::http::Timeout=20',
  'Acquire::https::Timeout=20',
  'Acquire::Retries=1',
  'DPkg::Lock::Timeout=60',
];

/** Tries to, as root on Debian. Whether they are there afterwards is to be looked at: mirrors are slow, or absent. */
export function installDebianPackages(packages) {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) return;
  const apt = (limit, ...args) =>
    spawnSync('apt-get', ['-qq', ...PATIENCE.flatMap((option) => ['-o', option]), ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: limit,
      killSignal: 'SIGKILL',
    }).status === 0;
  const install = ['install', '-y', '--no-install-recommends'];
  apt(FETCH_LIMIT_MS, 'update');
  // What is unpacked is not interrupted by a mirror.
  if (apt(FETCH_LIMIT_MS, ...install, '--download-only', ...packages))
    apt(UNPACK_LIMIT_MS, ...install, '--no-download', ...packages);
}
