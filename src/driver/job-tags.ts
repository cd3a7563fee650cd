import { IllegalArgumentError } from '../base/errors.ts';

export const JOB_TAGS = 'spark.job.tags';

const SEPARATOR = ',';

/** @throws IllegalArgumentError, with Spark's texts. Spark: SparkContext.throwIfInvalidTag */
export function checkJobTag(tag: unknown): string {
  if (tag === null || tag === undefined) throw new IllegalArgumentError('Spark job tag cannot be null.');
  if (typeof tag !== 'string') throw new IllegalArgumentError(`Spark job tag must be a string, but is ${typeof tag}`);
  if (tag.includes(SEPARATOR)) throw new IllegalArgumentError(`Spark job tag cannot contain '${SEPARATOR}'.`);
  if (tag === '') throw new IllegalArgumentError('Spark job tag cannot be an empty string.');
  return tag;
}

/** The tags in a property's text, each once, in the order in which they were added. */
export function parseJobTags(text: string | null | undefined): Set<string> {
  return new Set((text ?? '').split(SEPARATOR).filter((tag) => tag !== ''));
}

/** Null for none: the property is not set then. */
export function formatJobTags(tags: ReadonlySet<string>): string | null {
  return tags.size === 0 ? null : [...tags].join(SEPARATOR);
}
