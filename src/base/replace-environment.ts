/** Makes an environment, `process.env` say, equal to another one. */
export function replaceEnvironment(
  environment: Record<string, string | undefined>,
  wanted: Readonly<Record<string, string | undefined>>,
): void {
  for (const name of Object.keys(environment)) if (wanted[name] === undefined) delete environment[name];
  for (const [name, value] of Object.entries(wanted))
    if (value !== undefined && environment[name] !== value) environment[name] = value;
}
