import type { SplitPlan } from '../protocol/stage-program.ts';

/** What a byte is to whoever cuts a line into words. */
export const WORD = 0;
export const SEPARATOR = 1;
const END_OF_LINE = 2;

/** How lines are cut at bytes. */
export interface WordClasses {
  /** WORD, SEPARATOR or END_OF_LINE of each byte. */
  readonly ofByte: Uint8Array;
  /** Separators beside each other count as one. */
  readonly merging: boolean;
  /** Blanks around a line are not there. Only where blanks separate, and merge. */
  readonly trim: boolean;
  readonly lowerCase: boolean;
  /** True: only lines of ASCII; what the others are cut at, bytes do not tell. */
  readonly asciiOnly: boolean;
}

const LF = 10;
/** One character, or one class of them: `\s`, `[^a-z']`, `,`, `\|`. What only stands between characters (`\b`) is none. */
const ATOM = /^(?:\\[sSwWdDtfv]|\\[^\w]|[^\\[\](){}.*+?|^$]|\[(?:[^\]\\]|\\.)+\])(?=\+?$)/;

/** How to cut at bytes what `split` cuts at characters; null when that cannot be done. */
export function wordClasses({ separator, lowerCase, trim }: SplitPlan): WordClasses | null {
  const ofByte = new Uint8Array(256);
  ofByte[LF] = END_OF_LINE;
  if (typeof separator === 'string') {
    const code = separator.charCodeAt(0);
    if (separator.length !== 1 || code >= 0x80 || code === LF || code === 13 || trim) return null;
    ofByte[code] = SEPARATOR;
    return { ofByte, merging: false, trim: false, lowerCase, asciiOnly: lowerCase };
  }
  const atom = ATOM.exec(separator.source)?.[0];
  if (atom === undefined || /[^gimsu]/.test(separator.flags)) return null;
  const one = new RegExp(`^(?:${atom})$`, separator.flags.replace(/[gm]/g, ''));
  for (let code = 0; code < 0x80; code++)
    if (code !== LF && one.test(String.fromCharCode(code))) ofByte[code] = SEPARATOR;
  const merging = separator.source.endsWith('+') && separator.source !== atom;
  if (trim && !(merging && cutsAtBlanks(ofByte))) return null;
  return { ofByte, merging, trim, lowerCase, asciiOnly: true };
}

function cutsAtBlanks(ofByte: Uint8Array): boolean {
  for (let code = 0; code < 0x80; code++)
    if (code !== LF && (ofByte[code] === SEPARATOR) !== (String.fromCharCode(code).trim() === '')) return false;
  return true;
}
