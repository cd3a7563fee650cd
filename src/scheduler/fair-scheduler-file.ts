import { IllegalArgumentError } from '../base/errors.ts';
import type { PoolDefinition } from './pool.ts';

/** What an allocation file says, and what in it could not be used. */
export interface FairSchedulerFile {
  readonly pools: readonly PoolDefinition[];
  readonly warnings: readonly string[];
}

interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Element[];
  text: string;
}

/**
 * Reads the allocation file of the FAIR scheduler (spark.scheduler.allocation.file):
 *
 *   <allocations>
 *     <pool name="production"><schedulingMode>FAIR</schedulingMode><weight>2</weight><minShare>3</minShare></pool>
 *   </allocations>
 *
 * A value that is missing, blank or invalid has its default: FIFO, 1, 0. `fileName` is for messages.
 *
 * @throws IllegalArgumentError when the text is not XML with matching tags.
 *
 * Spark: FairSchedulableBuilder.buildFairSchedulerPool
 */
export function parseFairSchedulerFile(text: string, fileName: string): FairSchedulerFile {
  const pools = new Map<string, PoolDefinition>();
  const warnings: string[] = [];
  const root = parseElements(text, fileName);
  for (const pool of elementsNamed(root, 'pool')) {
    const name = pool.attributes.get('name')?.trim() ?? '';
    if (name === '') {
      warnings.push(`a pool without a name in Fair Scheduler configuration file: ${fileName} is ignored`);
      continue;
    }
    if (pools.has(name)) warnings.push(`pool ${name} stands twice in ${fileName}; the last one counts`);
    pools.set(name, {
      name,
      schedulingMode: readMode(pool, name, fileName, warnings),
      weight: readInt(pool, 'weight', 1, 1, name, fileName, warnings),
      minShare: readInt(pool, 'minShare', 0, 0, name, fileName, warnings),
    });
  }
  return { pools: [...pools.values()], warnings };
}

/** Text of a direct child, trimmed; null when there is no such child. */
function childText(element: Element, name: string): string | null {
  return element.children.find((child) => child.name === name)?.text.trim() ?? null;
}

function readMode(pool: Element, poolName: string, fileName: string, warnings: string[]): 'FIFO' | 'FAIR' {
  const data = childText(pool, 'schedulingMode');
  const mode = data?.toUpperCase();
  if (mode === 'FIFO' || mode === 'FAIR') return mode;
  if (data !== null)
    warnings.push(
      `Unsupported schedulingMode: ${data} found in Fair Scheduler configuration file: ${fileName}, using the default schedulingMode: FIFO for pool: ${poolName}`,
    );
  return 'FIFO';
}

function readInt(
  pool: Element,
  property: string,
  fallback: number,
  min: number,
  poolName: string,
  fileName: string,
  warnings: string[],
): number {
  const data = childText(pool, property);
  if (data === null) return fallback;
  const value = Number(data);
  if (/^\+?\d+$/.test(data) && value >= min && value <= 0x7fffffff) return value;
  warnings.push(
    `Error while loading fair scheduler configuration from ${fileName}: ${property} is blank or invalid: ${data}, using the default ${property}: ${fallback} for pool: ${poolName}`,
  );
  return fallback;
}

function elementsNamed(root: Element, name: string): Element[] {
  const found: Element[] = [];
  const stack = [root];
  for (let element = stack.pop(); element !== undefined; element = stack.pop()) {
    if (element.name === name) found.push(element);
    stack.push(...element.children.toReversed());
  }
  return found;
}

// Comments, declarations and CDATA in one alternative each, so that tags within them are not seen.
const TOKEN =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<![^>]*>|<(\/?)([^\s/>]+)((?:"[^"]*"|'[^']*'|[^"'>])*?)(\/?)>|([^<]+)|</g;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** Enough of XML for this one format: elements, attributes, text, comments, the five entities. */
function parseElements(text: string, fileName: string): Element {
  const fail = (what: string): never => {
    throw new IllegalArgumentError(`${fileName} is not a fair scheduler file: ${what}`);
  };
  const root: Element = { name: '', attributes: new Map(), children: [], text: '' };
  const open = [root];
  for (const [token, cdata, closing, name, attributes, selfClosing, content] of text.matchAll(TOKEN)) {
    const current = open[open.length - 1] as Element; // the root is never closed
    if (cdata !== undefined) current.text += cdata;
    else if (content !== undefined) current.text += decode(content);
    else if (token === '<') fail('a tag does not end');
    else if (name === undefined) continue;
    else if (closing === '/') {
      if (current === root || current.name !== name)
        fail(`</${name}> closes ${current === root ? 'nothing' : `<${current.name}>`}`);
      open.pop();
    } else {
      const read = new Map<string, string>();
      for (const [, key, double, single] of (attributes ?? '').matchAll(ATTRIBUTE))
        if (key !== undefined) read.set(key, decode(double ?? single ?? ''));
      const element: Element = { name, attributes: read, children: [], text: '' };
      current.children.push(element);
      if (selfClosing !== '/') open.push(element);
    }
  }
  if (open.length > 1) fail(`<${open.at(-1)?.name}> is not closed`);
  if (root.children.length === 0) fail('it has no element');
  return root;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number.parseInt(decimal, 10));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? whole;
  });
}
