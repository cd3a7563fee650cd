import { threadId } from 'node:worker_threads';

/**
 * Names for things whose identity must survive copying: classes and unique symbols. The same class captured by two
 * stages gets the same name, so that an executor thread makes it once and `instanceof` holds between stages.
 */
const origin = `${process.pid.toString(36)}.${threadId}.${performance.timeOrigin.toString(36)}`;

const names = new WeakMap<WeakKey, string>();
const owners = new Map<string, WeakRef<WeakKey>>();
let counter = 0;

/** Frees the name of a class when the driver has dropped the class itself. */
const cleanup = new FinalizationRegistry<string>((name) => owners.delete(name));

/** Gives the name of a class or symbol of this thread; the first call makes it up. */
export function identityOf(thing: WeakKey): string {
  let name = names.get(thing);
  if (name === undefined) {
    name = `${origin}.${counter++}`;
    names.set(thing, name);
    owners.set(name, new WeakRef(thing));
    cleanup.register(thing, name);
  }
  return name;
}

/** Gives the class or symbol that this thread itself named so; undefined for names made elsewhere. */
export function ownerOf(name: string): WeakKey | undefined {
  return owners.get(name)?.deref();
}
