import type { ApplicationDescription, ResourceAddresses, ResourceAmounts } from '../protocol/deploy-description.ts';

interface ResourceJson {
  readonly name: string;
  readonly addresses: readonly string[];
}

interface AmountJson {
  readonly name: string;
  readonly amount: number;
}

/** Spark: JsonProtocol.writeResourcesInfo */
export function resourcesJson(resources: ResourceAddresses): Record<string, ResourceJson> {
  return Object.fromEntries(Object.entries(resources).map(([name, addresses]) => [name, { name, addresses }]));
}

/** Spark: JsonProtocol.writeResourceRequirement */
export function amountsJson(amounts: ResourceAmounts): AmountJson[] {
  return Object.entries(amounts).map(([name, amount]) => ({ name, amount }));
}

/** What is left of the addresses. */
export function freeResources(all: ResourceAddresses, used: ResourceAddresses): ResourceAddresses {
  return Object.fromEntries(
    Object.entries(all).map(([name, addresses]) => [
      name,
      addresses.filter((address) => !(Object.hasOwn(used, name) && used[name]?.includes(address))),
    ]),
  );
}

/** What each executor is given, under the old names, too. */
export function demandJson({ demand }: ApplicationDescription): {
  readonly memoryperexecutor: number;
  readonly memoryperslave: number;
  readonly resourcesperexecutor: readonly AmountJson[];
  readonly resourcesperslave: readonly AmountJson[];
} {
  const resources = amountsJson(demand.resourcesPerExecutor);
  return {
    memoryperexecutor: demand.memoryPerExecutor,
    memoryperslave: demand.memoryPerExecutor,
    resourcesperexecutor: resources,
    resourcesperslave: resources,
  };
}

/** `gpu: [0, 1]`, or nothing. Spark: StandaloneResourceUtils.formatResourcesAddresses */
export function resourcesText(resources: ResourceAddresses): string {
  return Object.entries(resources)
    .map(([name, addresses]) => `${name}: [${addresses.join(', ')}]`)
    .join(', ');
}

/** `1 gpu`, or nothing. Spark: StandaloneResourceUtils.formatResourceRequirements */
export function amountsText(amounts: ResourceAmounts): string {
  return Object.entries(amounts)
    .map(([name, amount]) => `${amount} ${name}`)
    .join(', ');
}
