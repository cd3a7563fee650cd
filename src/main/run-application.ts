import { runExitHooks, runShutdownHooks } from '../base/shutdown-hooks.ts';
import { printTo } from '../base/standard-streams.ts';
import { type Installation, reportError, type Submission } from '../deploy/submit/submit.ts';

/** What an application module may export. A CommonJS module may hide it behind `default`. */
interface ApplicationModule {
  readonly main?: unknown;
  readonly default?: { readonly main?: unknown };
}

/** Node's own exit code for a program that waits for what can never come. */
const NEVER_SETTLES = 13;

/**
 * Runs an application in this process and ends the process with its exit code.
 *
 * The end is: `main()` has settled; or a script has nothing left to do; or it failed; or a signal came. In each case
 * what still runs is stopped, contexts above all, and then the process exits.
 */
export async function runApplication(
  { application, args, verbose }: Submission,
  installation: Installation,
): Promise<void> {
  process.argv = [process.execPath, application.path, ...args];
  const report = { root: installation.root, verbose, workingFolder: process.cwd(), sources: application.sources };
  let ending = false;
  let evaluated = false;

  const end = async (code: number | string | undefined): Promise<void> => {
    if (ending) return;
    ending = true;
    // Should the process run out of work while things are stopped, this is its code all the same.
    process.exitCode = code;
    for (const { name, error } of await runShutdownHooks()) {
      printTo('stderr', `iskra: could not stop ${name}: ${reportError(error, report)}`);
    }
    process.exit(code);
  };
  const fail = (error: unknown): Promise<void> => {
    if (ending) return Promise.resolve(); // what was cut off by the end may well complain
    printTo('stderr', reportError(error, report));
    // An application may have chosen another code than 1 before it failed.
    return end(process.exitCode || 1);
  };
  /** An application that handles an event itself is left alone with it. */
  const unlessHandled = (event: 'uncaughtException' | 'SIGINT' | 'SIGTERM', action: () => void): void => {
    if (process.listenerCount(event) === 1) action();
  };
  const onSignal = (signal: 'SIGINT' | 'SIGTERM', code: number): void => {
    process.on(signal, () =>
      unlessHandled(signal, () => {
        if (ending) process.exit(code);
        printTo('stderr', `\niskra: ${signal}: stopping; once more ends at once\n`);
        void end(code);
      }),
    );
  };
  onSignal('SIGINT', 130);
  onSignal('SIGTERM', 143);
  process.on('uncaughtException', (error) => unlessHandled('uncaughtException', () => void fail(error)));
  process.on('exit', runExitHooks);
  process.on('beforeExit', () => {
    if (evaluated) void end(process.exitCode);
    else if (!ending) {
      printTo('stderr', 'iskra: the application waits for something that can never happen\n');
      void end(NEVER_SETTLES);
    }
  });

  try {
    // Node reads the map of each module that is loaded while maps are on: our own, which nobody looks at, come first.
    const iskra = installation.resolve('iskra');
    if (iskra !== undefined) await import(iskra);
    process.setSourceMapsEnabled(true);
    const { markMainScript } = await import('../closure/closure.ts'); // loaded with `iskra`
    markMainScript(application.url);
    const module = (await import(application.url)) as ApplicationModule;
    const main = module.main ?? module.default?.main;
    if (typeof main === 'function') {
      await main([...args]);
      await end(process.exitCode);
    }
    evaluated = true; // a script goes on until nothing is left to do
  } catch (error) {
    await fail(error);
  }
}
