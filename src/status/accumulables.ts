import { ifKnown, type LoggedObject, listOf, numberOf, objectOf, textOf } from './logged-values.ts';

/** Most tasks have none. */
const NONE: LoggedObject[] = [];

/** What the REST API shows of accumulators: those that a program named. Spark: LiveEntityHelpers.newAccumulatorInfos */
export function accumulableList(logged: unknown): LoggedObject[] {
  const list = listOf(logged);
  if (list.length === 0) return NONE;
  return list.flatMap((each) => {
    const info = objectOf(each);
    const name = textOf(info['Name']);
    if (name === '' || info['Internal'] === true || info['Metadata'] === 'sql') return [];
    const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
    return [
      {
        id: numberOf(info['ID']),
        name,
        ...ifKnown('update', info['Update'], text),
        ...ifKnown('value', info['Value'], text),
      },
    ];
  });
}
