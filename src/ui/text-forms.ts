// Numbers and times as Spark's pages write them, by which people compare.

/** @param mib a size in MiB. Spark: Utils.megabytesToString */
export function memoryText(mib: number): string {
  return bytesText(mib * 1024 ** 2);
}

/** The unit changes at twice its size: 1536.0 MiB, 2.0 GiB. Spark: Utils.bytesToString */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let at = 0;
  for (let unit = 1024; at < units.length - 1 && bytes >= 2 * unit; unit *= 1024) at++;
  return `${(bytes / 1024 ** at).toFixed(1)} ${units[at]}`;
}

/** Spark: UIUtils.formatDuration */
export function durationText(ms: number): string {
  if (ms < 100) return `${ms} ms`;
  const seconds = ms / 1000;
  if (seconds < 1) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${seconds.toFixed(0)} s`;
  const minutes = seconds / 60;
  if (minutes < 10) return `${minutes.toFixed(1)} min`;
  if (minutes < 60) return `${minutes.toFixed(0)} min`;
  return `${(minutes / 60).toFixed(1)} h`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `2026/11/21 16:45:00`, local time. @param at epoch ms. Spark: UIUtils.formatDate */
export function dateText(at: number): string {
  const date = new Date(at);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('/');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Sat Nov 21 16:45:00 UTC 2026`, local time: Java's way, which the JSON has. @param at epoch ms */
export function javaDateText(at: number): string {
  const date = new Date(at);
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')?.value;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${two(date.getDate())} ${time} ${zone ?? 'UTC'} ${date.getFullYear()}`;
}
