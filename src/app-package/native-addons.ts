import { closeSync, openSync, readSync } from 'node:fs';

const ELF_MACHINES: Readonly<Record<number, string>> = {
  3: 'ia32',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};
const PE_MACHINES: Readonly<Record<number, string>> = { 332: 'ia32', 34404: 'x64', 43620: 'arm64' };
const MACH_CPUS: Readonly<Record<number, string>> = { 16777223: 'x64', 16777228: 'arm64' };

/** As `PackagePart.native` has it. */
export function platformName(platform: string, arch: string): string {
  return `${platform}-${arch}`;
}

/** For which machines a `.node` file was built, by its first bytes; empty when that cannot be told. */
export function platformsOf(path: string): string[] {
  const head = Buffer.alloc(4096);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) {
    const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
    const arch = ELF_MACHINES[machine];
    // FreeBSD marks its own.
    return arch === undefined ? [] : [platformName(head[7] === 9 ? 'freebsd' : 'linux', arch)];
  }
  if (head.toString('latin1', 0, 2) === 'MZ') {
    const at = head.readUInt32LE(0x3c);
    if (at + 6 > head.length || head.toString('latin1', at, at + 4) !== 'PE\0\0') return [];
    const arch = PE_MACHINES[head.readUInt16LE(at + 4)];
    return arch === undefined ? [] : [platformName('win32', arch)];
  }
  const mac = (cpu: number): string[] => {
    const arch = MACH_CPUS[cpu];
    return arch === undefined ? [] : [platformName('darwin', arch)];
  };
  if (magic === 0xcffaedfe) return mac(head.readUInt32LE(4));
  if (magic === 0xcafebabe) {
    const count = Math.min(head.readUInt32BE(4), 8);
    return Array.from({ length: count }, (_, i) => mac(head.readUInt32BE(8 + 20 * i))).flat();
  }
  return [];
}
