/** Bytes as Spark shows them: `1024.0 MiB`. Spark: Utils.bytesToString */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = bytes;
  // Spark goes on to the next unit at twice its size.
  while (value >= 2048 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}
