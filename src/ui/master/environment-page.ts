import { redactPairs } from '../../base/redaction.ts';
import { VERSION } from '../../base/version.ts';
import { MASTER_UI_VISIBLE_ENV_VAR_PREFIXES } from '../../config/access-entries.ts';
import { REDACTION_REGEX } from '../../config/logging-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { html } from '../html.ts';
import { page, table } from '../page-layout.ts';

/** What a master runs with, without secrets. Spark: EnvironmentPage of the master */
export function environmentPage(conf: SparkConf, env: Readonly<Record<string, string | undefined>>): string {
  const redacted = (pairs: Iterable<readonly [string, string]>): [string, string][] =>
    redactPairs(conf.get(REDACTION_REGEX), pairs);
  const prefixes = conf.get(MASTER_UI_VISIBLE_ENV_VAR_PREFIXES);
  const variables = Object.entries(env)
    .filter(
      (pair): pair is [string, string] => pair[1] !== undefined && prefixes.some((each) => pair[0].startsWith(each)),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const runtime: [string, string][] = [
    ['Iskra Version', VERSION],
    ['Node Version', process.version],
    ['Node Home', process.execPath],
    ['Platform', `${process.platform} ${process.arch}`],
  ];
  const content = html`<nav><a href="../">Back to Master</a></nav>
${table('Runtime Information', NAME_AND_VALUE, runtime)}
${table('Spark Properties', NAME_AND_VALUE, redacted(conf.getAll()))}
${prefixes.length === 0 ? null : table('Environment Variables', NAME_AND_VALUE, redacted(variables))}`;
  return page('Environment', '../', content);
}

const NAME_AND_VALUE = ['Name', 'Value'];
