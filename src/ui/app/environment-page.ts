import type { AppStatusStore } from '../../status/app-status-store.ts';
import { html } from '../html.ts';
import { table } from '../page-layout.ts';
import { appPage, type PagePlace } from './app-page.ts';

const SECTIONS = [
  ['JVM Information', 'Runtime Information'],
  ['Spark Properties', 'Spark Properties'],
  ['Hadoop Properties', 'Hadoop Properties'],
  ['System Properties', 'System Properties'],
  ['Metrics Properties', 'Metrics Properties'],
  ['Classpath Entries', 'Classpath Entries'],
] as const;

/** Spark: EnvironmentPage */
export function environmentPage(store: AppStatusStore, place: PagePlace): string {
  const sections = SECTIONS.map(([section, heading]) => {
    const pairs = store.environment(section);
    if (pairs.length === 0) return null;
    const columns = section === 'Classpath Entries' ? ['Resource', 'Source'] : ['Name', 'Value'];
    return table(heading, columns, pairs);
  });
  const profiles = store.profiles.map(({ id, executorResources, taskResources }) => [
    id,
    html`<pre>${JSON.stringify({ executorResources, taskResources }, null, 2)}</pre>`,
  ]);
  const content = html`${sections}
${profiles.length === 0 ? null : table('Resource Profiles', ['Resource Profile Id', 'Resource Profile Contents'], profiles)}`;
  return appPage(store, place, 'Environment', content);
}
