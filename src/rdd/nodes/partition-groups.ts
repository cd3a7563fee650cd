import { boundary } from './range-rdd.ts';

/** Parent partitions that one coalesced partition reads, in order. */
export interface PartitionGroup {
  readonly members: readonly number[];
  readonly host: string | null;
}

/** A group may be this share of all partitions larger than the smallest one for the sake of locality. Spark: balanceSlack */
const BALANCE_SLACK = 0.1;

/**
 * Groups partitions so that groups are of even size and, where partitions prefer hosts, a group stays on one host.
 * Without any preference, neighbours come together. Unlike Spark's it rolls no dice: the same input gives the same groups.
 *
 * @param hosts for each partition where it is best read.
 *
 * Spark: DefaultPartitionCoalescer
 */
export function groupPartitions(hosts: readonly (readonly string[])[], wanted: number): readonly PartitionGroup[] {
  const count = hosts.length;
  const groups = Math.min(wanted, count);
  const local = [...new Set(hosts.flat())].sort();
  if (local.length === 0 || groups === count) return neighbours(hosts, groups);

  const byHost = hostsOfGroups(hosts, local, groups);
  const members: number[][] = byHost.map(() => []);
  const slack = Math.max(1, Math.floor(BALANCE_SLACK * count));
  for (let p = 0; p < count; p++) {
    const smallest = smallestOf(members, () => true);
    const preferred = smallestOf(members, (g) => (hosts[p] as readonly string[]).includes(byHost[g] as string));
    const fits = preferred >= 0 && sizeOf(members, preferred) + 1 <= sizeOf(members, smallest) + slack;
    members[fits ? preferred : smallest]?.push(p);
  }
  return members.map((m, g) => ({ members: m, host: byHost[g] as string }));
}

/** Sizes differ by one at most. */
function neighbours(hosts: readonly (readonly string[])[], groups: number): readonly PartitionGroup[] {
  return Array.from({ length: groups }, (_, g) => {
    const from = boundary(g, hosts.length, groups);
    const until = boundary(g + 1, hosts.length, groups);
    const members = Array.from({ length: until - from }, (_, i) => from + i);
    return { members, host: hosts[from]?.[0] ?? null };
  });
}

/** Hands out groups to hosts in proportion to the partitions they hold, each host at least one while there are enough. */
function hostsOfGroups(
  hosts: readonly (readonly string[])[],
  local: readonly string[],
  groups: number,
): readonly string[] {
  const held = new Map(local.map((h) => [h, 0]));
  for (const places of hosts) for (const h of places) held.set(h, (held.get(h) ?? 0) + 1);
  const given = new Map(local.map((h) => [h, 0]));
  return Array.from({ length: groups }, () => {
    let best = local[0] as string; // local is not empty
    let bestShare = -1;
    for (const h of local) {
      const share = (held.get(h) as number) / ((given.get(h) as number) + 1);
      if (share > bestShare) {
        best = h;
        bestShare = share;
      }
    }
    given.set(best, (given.get(best) as number) + 1);
    return best;
  });
}

function smallestOf(members: readonly (readonly number[])[], accepts: (group: number) => boolean): number {
  let best = -1;
  for (let g = 0; g < members.length; g++) {
    if (accepts(g) && (best < 0 || sizeOf(members, g) < sizeOf(members, best))) best = g;
  }
  return best;
}

function sizeOf(members: readonly (readonly number[])[], group: number): number {
  return (members[group] as readonly number[]).length; // groups are indices of members
}
