/** Buffer methods that Node has had since 0.x but that its types leave out: toString and write without the dispatch. */
interface NativeStrings {
  latin1Slice(from: number, to: number): string;
  utf8Slice(from: number, to: number): string;
  ucs2Slice(from: number, to: number): string;
  latin1Write(text: string, at: number): number;
  utf8Write(text: string, at: number): number;
  ucs2Write(text: string, at: number): number;
}

/** The same object, with these methods in its type. */
export function nativeStrings(bytes: Buffer): NativeStrings {
  return bytes as unknown as NativeStrings;
}
