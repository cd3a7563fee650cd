import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { MASTER } from '../../config/core-entries.ts';
import { parseMasterUrl } from '../../config/master-url.ts';
import type { SparkConf } from '../../config/spark-conf.ts';

const IN_ARGUMENT = /(?:^|=)(local(?:\[[^\]]*\])?)$/;
const IN_SOURCE = /(['"`])(local(?:\[[^\]'"`]*\])?)\1/g;

/**
 * Guesses the master that an application will create its context with, as far as that decides what can be got ready for it: its
 * arguments may name a local one, or its file may, which wins over the settings' local one. Nothing but time is lost when the guess is wrong.
 */
export function likelyMaster(
  conf: SparkConf,
  { application, args }: { readonly application: string; readonly args: readonly string[] },
  workingFolder: string,
): string | undefined {
  const set = conf.get(MASTER);
  if (set !== undefined && !isLocal(set)) return set;
  const named = args.flatMap((arg) => IN_ARGUMENT.exec(arg)?.[1] ?? []);
  const guess = named.at(-1) ?? onlyOneIn(sourceOf(resolve(workingFolder, application)));
  return guess !== undefined && isLocal(guess) ? guess : set;
}

function onlyOneIn(source: string): string | undefined {
  const found = new Set([...source.matchAll(IN_SOURCE)].map((match) => match[2]));
  return found.size === 1 ? [...found][0] : undefined;
}

/** Whoever loads the application says what is wrong with its file. */
function sourceOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isLocal(master: string): boolean {
  try {
    return parseMasterUrl(master).kind === 'local';
  } catch {
    return false;
  }
}
