/** A function or class of any signature: what this folder ships is never called by it. */
// biome-ignore lint/complexity/noBannedTypes: only `Function` covers functions and classes alike
export type AnyFunction = Function;
