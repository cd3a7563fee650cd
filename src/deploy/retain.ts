/** Makes room in a list of finished things, oldest first, before one more comes. Spark: Master.removeApplication */
export function makeRoom(list: unknown[], retained: number): void {
  if (list.length >= retained) list.splice(0, batch(retained));
}

/** Trims a map of finished things, oldest first, after one came. Spark: Worker.trimFinishedExecutorsIfNecessary */
export function trimOldest(map: Map<string, unknown>, retained: number): void {
  if (map.size <= retained) return;
  let drop = batch(retained);
  for (const key of map.keys()) {
    if (drop-- === 0) return;
    map.delete(key);
  }
}

/** A tenth at once, so that trimming is rare. */
function batch(retained: number): number {
  return Math.max(Math.floor(retained / 10), 1);
}
