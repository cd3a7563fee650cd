/** A record as text: String(record), but JSON for arrays and plain objects, whose own toString would lose what is in them. */
export function recordText(record: unknown): string {
  return isPlain(record) ? JSON.stringify(record) : String(record);
}

function isPlain(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return false;
  const prototype: unknown = Object.getPrototypeOf(record);
  return Array.isArray(record) || prototype === Object.prototype || prototype === null;
}
