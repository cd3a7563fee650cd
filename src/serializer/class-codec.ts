import { UnencodableRecordError } from './errors.ts';

// biome-ignore lint/complexity/noBannedTypes: constructors take anything and differ in everything but `prototype`
export type Constructor = Function;

/**
 * Carries classes, so that instances arrive with their prototype. closure/ provides it; it caches for itself, since it
 * is asked once per class and block.
 */
export interface ClassCodec {
  /** @throws its own error for classes whose instances cannot be rebuilt from their properties (`#private`, native). */
  describe(ctor: Constructor): Uint8Array;
  /** Returns the same constructor for the same bytes. */
  revive(bytes: Uint8Array): Constructor;
}

let installed: ClassCodec | null = null;

/** Called once at the start of the driver and of every slot. */
export function installClassCodec(codec: ClassCodec): void {
  installed = codec;
}

export function describeClass(ctor: Constructor): Uint8Array {
  if (installed === null) throw missing(ctor.name || 'an anonymous class');
  return installed.describe(ctor);
}

/** The prototype for a class descriptor. */
export function revivePrototype(bytes: Uint8Array): object {
  if (installed === null) throw missing('some class');
  // A class always has an object as prototype.
  return installed.revive(bytes).prototype as object;
}

function missing(name: string): UnencodableRecordError {
  return new UnencodableRecordError(
    `an instance of ${name}`,
    'no class codec is installed in this thread, so its class cannot travel; map it to a plain object first',
  );
}
