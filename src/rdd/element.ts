export type Nullish = null | undefined;

/** Has an element 0, and so makes the compiler think of tuples; what is in it may be a tuple again. */
interface TupleLike {
  readonly 0: Nested;
  readonly 1?: Nested;
}

type Nested = TupleLike | NonNullable<unknown> | Nullish;

/**
 * Any type at all, as a constraint under which the compiler takes `[word, 1]` for the pair it is, not for an array of both
 * types: `rdd.map((word) => [word, 1])` is an RDD<[string, number]>.
 *
 * It is written `<U extends Element<N>, N extends Nullish = Nullish>`: were null and undefined named in the constraint
 * itself, the compiler would also take `1` for the type 1 instead of number.
 */
export type Element<N extends Nullish> = TupleLike | NonNullable<unknown> | N;
