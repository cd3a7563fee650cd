/**
 * Any type at all. As a constraint it lets the compiler take `[word, 1]` for the pair it is, not for an array of both types:
 * `rdd.map((word) => [word, 1])` is an RDD<[string, number]>.
 */
export type Element = [unknown, unknown] | NonNullable<unknown> | null | undefined;
