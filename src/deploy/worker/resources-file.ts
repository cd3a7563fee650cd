import type { ResourceAddresses } from '../../protocol/deploy-description.ts';

/** Where an executor or driver finds which addresses of custom resources are its own; there is none without any. */
export function resourcesFileOf(directory: string, component: 'executor' | 'driver'): string {
  return `${directory}/resource-${component}.json`;
}

/** Spark: StandaloneResourceUtils.writeResourceAllocationsToFile */
export function resourcesText(component: 'executor' | 'driver', resources: ResourceAddresses): string {
  const allocations = Object.entries(resources).map(([resourceName, addresses]) => ({
    id: { componentName: `spark.${component}`, resourceName },
    addresses,
  }));
  return `${JSON.stringify(allocations)}\n`;
}
