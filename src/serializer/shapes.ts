// Same-shape objects: checking, taking apart and building them. Generated code is 3-5 times faster than loops over key
// lists, but costs ~0.1 ms to make: a shape gets it once it has been seen on GENERATE_FROM objects.

const GENERATE_FROM = 512;
/** Shapes remembered; data whose keys are values (a histogram as an object) would fill memory otherwise. */
const MAX_SHAPES = 512;

type Fields = Record<string, unknown>;
type Check = (objects: readonly unknown[], n: number, prototype: object | null) => boolean;
type Getter = (objects: readonly unknown[], n: number) => unknown[];
type Filler = (object: object, source: ValueSource) => void;
type Builder = (columns: readonly ArrayLike<unknown>[], n: number, prototype: object | null) => object[];

/** Gives the values of an object one after another. */
export interface ValueSource {
  read(): unknown;
}

/** One list of keys, in order. */
export class Shape {
  readonly keys: readonly string[];
  #seen = 0;
  #check: Check | null = null;
  #getters: readonly Getter[] | null = null;
  #filler: Filler | null = null;
  readonly #builders: (Builder | null)[] = [null, null, null];

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  /** True if the first `n` values all are objects with exactly this prototype and these enumerable keys in this order. */
  matches(values: readonly unknown[], n: number, prototype: object | null): boolean {
    // An odd shape that only one row of a block has must not cost a compilation: look at the ends first.
    const check = this.#check;
    if (check !== null) return check(values, n, prototype);
    if (!this.#matchesSlowly([values[n - 1], values[n >> 1]], 2, prototype)) return false;
    this.#seen += n;
    if (this.#seen < GENERATE_FROM) return this.#matchesSlowly(values, n, prototype);
    this.#check = generateCheck(this.keys);
    this.#getters = this.keys.map(generateGetter);
    return this.#check(values, n, prototype);
  }

  #matchesSlowly(values: readonly unknown[], n: number, prototype: object | null): boolean {
    const keys = this.keys;
    for (let i = 0; i < n; i++) {
      const value = values[i];
      if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== prototype) return false;
      const own = Object.keys(value);
      if (own.length !== keys.length) return false;
      for (let k = 0; k < own.length; k++) if (own[k] !== keys[k]) return false;
    }
    return true;
  }

  /** The values of one key, of objects that match. */
  column(key: number, objects: readonly unknown[], n: number): unknown[] {
    const getter = this.#getters?.[key];
    if (getter !== undefined) return getter(objects, n);
    const name = this.keys[key] as string;
    const out = new Array<unknown>(n);
    for (let i = 0; i < n; i++) out[i] = (objects[i] as Fields)[name];
    return out;
  }

  /** @param prototype null, Object.prototype, or that of a class. */
  build(columns: readonly ArrayLike<unknown>[], n: number, prototype: object | null): object[] {
    const slot = prototype === null ? 0 : prototype === Object.prototype ? 1 : 2;
    // A setter of the class, or a key like __proto__, would catch a plain assignment.
    const plain = slot !== 2 || this.keys.every((key) => !(key in (prototype as object)));
    if (!plain) return this.#buildSlowly(columns, n, prototype);
    let builder = this.#builders[slot] ?? null;
    if (builder === null) {
      this.#seen += n;
      if (this.#seen < GENERATE_FROM) return this.#buildSlowly(columns, n, prototype);
      builder = slot === 2 ? generateClassBuilder(this.keys) : generateLiteralBuilder(this.keys, slot === 0);
      this.#builders[slot] = builder;
    }
    return builder(columns, n, prototype);
  }

  /** Sets all keys of a `{}`, in order. */
  fill(object: object, source: ValueSource): void {
    if (this.#filler !== null) {
      this.#filler(object, source);
      return;
    }
    for (const key of this.keys) setField(object, key, source.read());
    if (++this.#seen >= GENERATE_FROM && !this.keys.includes('__proto__')) this.#filler = generateFiller(this.keys);
  }

  #buildSlowly(columns: readonly ArrayLike<unknown>[], n: number, prototype: object | null): object[] {
    const keys = this.keys;
    const out = new Array<object>(n);
    for (let i = 0; i < n; i++) {
      const object: object = prototype === Object.prototype ? {} : Object.create(prototype);
      for (let k = 0; k < keys.length; k++) setField(object, keys[k] as string, (columns[k] as ArrayLike<unknown>)[i]);
      out[i] = object;
    }
    return out;
  }
}

/** Makes an own property, never calling a setter of the prototype. */
export function setField(object: object, key: string, value: unknown): void {
  if (key in object && !Object.hasOwn(object, key))
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else (object as Fields)[key] = value;
}

const shapes = new Map<string, Shape>();

export function shapeOf(keys: readonly string[]): Shape {
  // Lengths in front: no two lists of keys give the same name.
  let name = '';
  for (const key of keys) name += `${key.length}:${key}`;
  let shape = shapes.get(name);
  if (shape === undefined) {
    if (shapes.size >= MAX_SHAPES) shapes.clear();
    shape = new Shape(keys);
    shapes.set(name, shape);
  }
  return shape;
}

// The same source text shares type feedback through V8's code cache, and the second shape would be slow (20 against
// 6 ns); so each generated function carries a number.
let generated = 0;

function compile<F>(name: string, body: string): F {
  generated++;
  return new Function(`/* ${name} ${generated} */ ${body}`)() as F;
}

function generateCheck(keys: readonly string[]): Check {
  const cases = keys.map((key, i) => `case ${i}: if (k !== ${JSON.stringify(key)}) return false; break;`).join('');
  return compile(
    'check',
    `return function (a, n, P) { for (let i = 0; i < n; i++) { const o = a[i];
    if (o === null || typeof o !== 'object' || Object.getPrototypeOf(o) !== P) return false;
    let c = 0; for (const k in o) { switch (c) { ${cases} default: if (Object.hasOwn(o, k)) return false; continue; } c++; }
    if (c !== ${keys.length}) return false; } return true; }`,
  );
}

function generateGetter(key: string): Getter {
  return compile(
    'getter',
    `return function (a, n) { const c = new Array(n); for (let i = 0; i < n; i++) c[i] = a[i][${JSON.stringify(key)}];
    return c; }`,
  );
}

function generateLiteralBuilder(keys: readonly string[], bare: boolean): Builder {
  const fields = keys.map((key, i) => `[${JSON.stringify(key)}]: c${i}[i]`);
  if (bare) fields.unshift('__proto__: null');
  const literal = fields.map((f) => f.replace(/^\[("(?:[^"\\]|\\.)*")\]/, (all, k) => (k === '"__proto__"' ? all : k)));
  return compile(
    'builder',
    `return function (c, n) { ${locals(keys)} const out = new Array(n);
    for (let i = 0; i < n; i++) out[i] = { ${literal.join(', ')} }; return out; }`,
  );
}

function generateClassBuilder(keys: readonly string[]): Builder {
  const sets = keys.map((key, i) => `o[${JSON.stringify(key)}] = c${i}[i];`).join(' ');
  return compile(
    'class builder',
    `return function (c, n, P) { ${locals(keys)} const out = new Array(n);
    for (let i = 0; i < n; i++) { const o = Object.create(P); ${sets} out[i] = o; } return out; }`,
  );
}

function generateFiller(keys: readonly string[]): Filler {
  const sets = keys.map((key) => `o[${JSON.stringify(key)}] = s.read();`).join(' ');
  return compile('filler', `return function (o, s) { ${sets} }`);
}

function locals(keys: readonly string[]): string {
  return keys.map((_, i) => `const c${i} = c[${i}];`).join(' ');
}
