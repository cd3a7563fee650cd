/** How a kind of object that is no plain data travels: as plain data, turned back on the other side. */
export interface Codec<T, D> {
  /** Must be the same on both sides; a second codec of the same name replaces the first. */
  readonly name: string;
  test(value: unknown): value is T;
  encode(value: T): D;
  /** @param context what the executor gave to `make()`, e.g. the context of the task. */
  decode(data: D, context: unknown): T;
}

type AnyCodec = Codec<unknown, unknown>;

const codecs: AnyCodec[] = [];

/**
 * Registers a codec in this thread. Executors need it as well: register it in a module that they import.
 * The codec registered last is asked first.
 */
export function registerCodec<T, D>(codec: Codec<T, D>): void {
  const known = codecs.findIndex((c) => c.name === codec.name);
  if (known >= 0) codecs.splice(known, 1);
  codecs.unshift(codec as unknown as AnyCodec); // encode and decode only meet values that passed `test`
}

export function codecFor(value: object): AnyCodec | undefined {
  return codecs.find((codec) => {
    try {
      return codec.test(value);
    } catch {
      return false; // an object with getters that throw is none of ours
    }
  });
}

export function codecNamed(name: string): AnyCodec | undefined {
  return codecs.find((codec) => codec.name === name);
}

type IntlOptions = { readonly locale: string };
type IntlConstructor = new (locale: string, options: object) => { resolvedOptions(): IntlOptions };

const INTL = ['NumberFormat', 'DateTimeFormat', 'Collator', 'PluralRules', 'ListFormat', 'RelativeTimeFormat'];

for (const name of [...INTL, 'Segmenter', 'DisplayNames']) {
  // Looked up by name, as the library types and the runtimes differ in which ones they know.
  const ctor = (Intl as unknown as Record<string, IntlConstructor | undefined>)[name];
  if (ctor !== undefined)
    registerCodec<InstanceType<IntlConstructor>, IntlOptions>({
      name: `Intl.${name}`,
      test: (value) => value instanceof ctor,
      encode: (value) => value.resolvedOptions(),
      decode: (options) => new ctor(options.locale, options),
    });
}

registerCodec<InstanceType<typeof TextEncoder>, null>({
  name: 'TextEncoder',
  test: (value) => value instanceof TextEncoder,
  encode: () => null,
  decode: () => new TextEncoder(),
});

registerCodec<InstanceType<typeof TextDecoder>, readonly [string, boolean, boolean]>({
  name: 'TextDecoder',
  test: (value) => value instanceof TextDecoder,
  encode: (value) => [value.encoding, value.fatal, value.ignoreBOM],
  decode: ([encoding, fatal, ignoreBOM]) => new TextDecoder(encoding, { fatal, ignoreBOM }),
});

registerCodec<URLSearchParams, string>({
  name: 'URLSearchParams',
  test: (value) => value instanceof URLSearchParams,
  encode: (value) => value.toString(),
  decode: (text) => new URLSearchParams(text),
});

registerCodec<URL, string>({
  name: 'URL',
  test: (value) => value instanceof URL,
  encode: (value) => value.href,
  decode: (href) => new URL(href),
});
