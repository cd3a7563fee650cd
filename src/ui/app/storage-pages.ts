import { describeLevel } from '../../protocol/storage-level.ts';
import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { Partition } from '../../status/live-rdd.ts';
import { html } from '../html.ts';
import { facts, table } from '../page-layout.ts';
import { bytesText } from '../text-forms.ts';
import { appPage, type Column, idOf, type PagePlace, pagedTable } from './app-page.ts';

/** Spark: StoragePage */
export function storagePage(store: AppStatusStore, place: PagePlace): string {
  const rdds = store.rdds.filter(({ isCached }) => isCached);
  const columns = [
    'ID',
    'RDD Name',
    'Storage Level',
    'Cached Partitions',
    'Fraction Cached',
    'Size in Memory',
    'Size on Disk',
  ];
  const rows = rdds.map((rdd) => [
    rdd.id,
    html`<a href="rdd/?id=${rdd.id}">${rdd.name}</a>`,
    describeLevel(rdd.level),
    rdd.partitions.size,
    rdd.numPartitions === 0 ? '' : `${Math.round((rdd.partitions.size / rdd.numPartitions) * 100)}%`,
    bytesText(rdd.memoryUsed),
    bytesText(rdd.diskUsed),
  ]);
  const why =
    place.live === null ? ' Logs tell of blocks with spark.eventLog.logBlockUpdates.enabled=true only.' : null;
  const hint = html`<p>No persisted RDD is known.${why}</p>`;
  return appPage(store, place, 'Storage', rows.length === 0 ? hint : table('RDDs', columns, rows));
}

/** Spark: RDDPage */
export function rddPage(store: AppStatusStore, place: PagePlace, query: URLSearchParams): string | null {
  const id = idOf(query);
  const rdd = id === null ? undefined : store.rdd(id);
  if (rdd === undefined) return null;
  const distribution = [...rdd.distributions.values()].map((each) => [
    each.executor.hostPort,
    bytesText(each.memoryUsed),
    bytesText(Math.max(0, each.executor.maxMemory - each.executor.memoryUsed)),
    bytesText(each.diskUsed),
  ]);
  const blocks: readonly Column<[string, Partition]>[] = [
    { name: 'Block Name', cell: ([name]) => name },
    { name: 'Storage Level', cell: () => describeLevel(rdd.level) },
    {
      name: 'Size in Memory',
      cell: ([, { memoryUsed }]) => bytesText(memoryUsed),
      key: ([, block]) => block.memoryUsed,
    },
    { name: 'Size on Disk', cell: ([, { diskUsed }]) => bytesText(diskUsed), key: ([, block]) => block.diskUsed },
    {
      name: 'Executors',
      cell: ([, { executors }]) =>
        executors.map((executorId) => store.executor(executorId)?.hostPort ?? executorId).join(', '),
    },
  ];
  const content = html`${facts([
    ['Storage Level', describeLevel(rdd.level)],
    ['Cached Partitions', String(rdd.partitions.size)],
    ['Total Partitions', String(rdd.numPartitions)],
    ['Memory Size', bytesText(rdd.memoryUsed)],
    ['Disk Size', bytesText(rdd.diskUsed)],
  ])}
${table('Data Distribution', ['Host', 'Memory Usage', 'Memory Remaining', 'Disk Usage'], distribution)}
${pagedTable('Partitions', blocks, [...rdd.partitions], query, 'block')}`;
  return appPage(store, place, `RDD Storage Info for ${rdd.name}`, content);
}
