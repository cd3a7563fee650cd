export type Nullish = null | undefined;

/**
 * Any type at all, as a constraint under which the compiler takes `[word, 1]` for the pair it is, not for an array of both
 * types: `rdd.map((word) => [word, 1])` is an RDD<[string, number]>.
 *
 * It is written `<U extends Element<N>, N extends Nullish = Nullish>`: were null and undefined named in the constraint
 * itself, the compiler would also take `1` for the type 1 instead of number.
 */
export type Element<N extends Nullish> = { readonly 0: unknown } | NonNullable<unknown> | N;
