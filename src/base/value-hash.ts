/** placeholder until serializer branch lands */
export function hashValue(_v: unknown): number {
  return 0;
}
