// What a driver keeps of the map outputs of a shuffle: node --expose-gc bench/micro/map-status.bench.mjs (after npm run build)
// Statuses are made as they arrive from executors: read from JSON.
import { sizeOfBlock, toBlockSizes } from '../../dist/src/protocol/block-sizes.js';
import { MapOutputTracker } from '../../dist/src/shuffle/map-output-tracker.js';

const MIB = 1024 * 1024;
/** 10 KB to 1 MB, as real blocks differ. */
const sizesOf = (numReduces, map) =>
  Array.from({ length: numReduces }, (_, reduce) => 10_000 + ((map * 7919 + reduce * 104_729) % 1_000_000));

function heap() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measure(name, numMaps, numReduces, form) {
  const before = heap();
  const kept = [];
  let chars = 0;
  for (let map = 0; map < numMaps; map++) {
    const location = { executorId: String(map % 100), host: `host-${map % 100}`, port: 7078 };
    const text = JSON.stringify({ location, mapId: map, sizes: form(sizesOf(numReduces, map)) });
    chars += text.length;
    kept.push(JSON.parse(text));
  }
  const bytes = heap() - before;
  console.log(
    `${name.padEnd(44)} ${(bytes / MIB).toFixed(1).padStart(7)} MiB kept ${(chars / MIB).toFixed(1).padStart(7)} MiB of text`,
  );
  return kept;
}

for (const [maps, reduces] of [
  [2000, 2000],
  [2000, 10_000],
]) {
  measure(`${maps} x ${reduces}, exact sizes (as before)`, maps, reduces, (sizes) => sizes);
  const kept = measure(
    `${maps} x ${reduces}, ${reduces > 2000 ? 'highly compressed' : 'compressed'}`,
    maps,
    reduces,
    toBlockSizes,
  );
  const tracker = new MapOutputTracker();
  tracker.registerShuffle(0, maps, reduces);
  for (const [map, status] of kept.entries()) tracker.registerMapOutput(0, map, status);
  const startedAt = performance.now();
  tracker.bytesByPartition(0);
  console.log(
    `  bytesByPartition ${(performance.now() - startedAt).toFixed(0)} ms, one size is ${sizeOfBlock(kept[1].sizes, 1)} of ${sizesOf(reduces, 1)[1]}`,
  );
}
