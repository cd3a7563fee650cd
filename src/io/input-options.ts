/** What readers are told by the task that they run in. */
export interface InputOptions {
  /** Hears how many bytes of the file each read took; packed ones of a packed file. */
  readonly onBytes?: (bytes: number) => void;
  /** What to do with bytes that are not UTF-8: U+FFFD in their place, as Spark does, or an error. Default `replace`. */
  readonly malformed?: 'replace' | 'error';
  /** Under `replace`: called once a split, for the first bad sequence. `offset` counts unpacked bytes. */
  readonly onMalformed?: (at: { readonly path: string; readonly offset: number }) => void;
}
