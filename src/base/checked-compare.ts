import { IskraError } from './errors.ts';
import { shortInspect } from './value-errors.ts';

type Compare = (left: unknown, right: unknown) => number;

/** Throws for what is no answer of a comparator: `a > b` would sort wrongly in silence, and undefined not at all. */
export function refuseComparison(answer: unknown, left: unknown, right: unknown): never {
  throw new IskraError(
    'BAD_COMPARATOR',
    `the comparator returned ${shortInspect(answer)} for ${shortInspect(left)} and ${shortInspect(right)}, but it must return a number: ` +
      'below zero when the first comes first, above zero when the second does, 0 when they are equal, such as (a, b) => a - b',
    { details: { answer: typeof answer } },
  );
}

/** A user's comparator that answers with a number or throws. */
export function checkedCompare(compare: Compare): Compare {
  return (left, right) => {
    const answer = compare(left, right);
    if (typeof answer !== 'number' || Number.isNaN(answer)) refuseComparison(answer, left, right);
    return answer;
  };
}
