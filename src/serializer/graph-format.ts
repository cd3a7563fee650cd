// The graph column: values of any kind, one after another, each a tag byte and what follows. Strings, and long arrays of
// numbers or strings, are taken out into columns of their own behind it, so that they cost what they cost elsewhere.
//
//   Graph = u32 graphBytes, graph, u32 strings, Strings, u32 arrays, arrays × (u32 n, column(n))
//
// Objects are numbered within one value as they begin; Ref names an earlier one, so cycles and shared references live.

// Numbers in stored blocks: never change one, only add. Tags from SMALL_INT on are the integers 0..127.
export const TAG = {
  Undefined: 0,
  Null: 1,
  True: 2,
  False: 3,
  Int: 4, // zigzag varint
  Double: 5,
  String: 6, // the next of the strings
  BigInt: 7, // sign u8, varint length, hexadecimal as bytes
  Ref: 8, // varint
  Object: 9, // shape, values
  BareObject: 10, // without prototype
  Instance: 11, // class, shape, values
  Array: 12, // varint length, values and Holes
  Holes: 13, // varint count
  ArrayColumn: 14, // the next of the arrays
  Map: 15, // varint size, keys and values
  Set: 16,
  Date: 17, // double
  RegExp: 18, // String source, String flags, varint lastIndex
  Error: 19, // varint kind, varint count, count × (u8 flags, String name, value)
  ArrayBuffer: 20, // varint length, bytes
  DataView: 21,
  TypedArray: 22, // u8 kind, varint bytes, bytes
  Boxed: 23, // value
  Classed: 24, // class, then a Map, Array, Error … whose prototype it becomes
  Extra: 25, // a Map, Array … then shape, values of its own further properties
} as const;
export const SMALL_INT = 0x80;

export const ERROR_FLAGS = { enumerable: 1, registeredSymbol: 2 } as const;

/** The index is on the wire. */
export const ERROR_TYPES: readonly ErrorConstructor[] = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  // Its constructor takes another first argument; it is made as an Error and gets the prototype.
  AggregateError as unknown as ErrorConstructor,
];

/** Nesting that both directions can walk on the small stack of a worker thread. */
export const MAX_GRAPH_DEPTH = 1000;
/** Arrays of primitives from this length on become columns. */
export const ARRAY_COLUMN_FROM = 64;
/** New shapes after this many are given in full: keys are data then. */
export const MAX_GRAPH_SHAPES = 4096;
