import type { DaemonCommand } from '../deploy/daemon/daemon-commands.ts';
import { optionLines } from '../deploy/submit/submit.ts';

/** The commands, with what they do; in the order of the help. */
export const COMMANDS: Readonly<Record<string, string>> = {
  run: 'runs a TypeScript or JavaScript application here, on all cores',
  submit: "the same, under Spark's name and with Spark's options",
  example: 'runs an example that comes with Iskra; lists them without a name',
  master: 'runs the master of a standalone cluster; --daemon in the background',
  worker: "gives this machine's cores and memory to a cluster; --daemon in the background",
  'shuffle-service': "serves the shuffle files of this machine's executors; --daemon in the background",
  'history-server': 'shows applications from their event logs; --daemon in the background',
  stop: 'ends what runs in the background: a master, workers, a shuffle service, a history server',
  'start-workers': 'starts workers on the hosts of conf/workers, in the background',
  'stop-workers': 'ends them',
  'decommission-worker': 'has workers of this machine take nothing more',
  'start-all': 'starts a master here and workers on the hosts of conf/workers, in the background',
  'stop-all': 'ends all of them',
  help: 'shows the help of a command',
};

const DAEMON_COMMANDS: readonly string[] = [
  ...['master', 'worker', 'shuffle-service', 'history-server'],
  ...['stop', 'start-workers', 'stop-workers', 'decommission-worker', 'start-all', 'stop-all'],
];

/** Whether the help of a command is with the daemons. */
export function isDaemonCommand(command: string | undefined): command is DaemonCommand {
  return command !== undefined && DAEMON_COMMANDS.includes(command);
}

/** Spark's greeting, in our words. */
export function versionText(version: string): string {
  return String.raw`     _     _
    (_)___| | ___ __ __ _
    | / __| |/ / '__/ _' |
    | \__ \   <| | | (_| |
    |_|___/_|\_\_|  \__,_|   version ${version}

Using Node ${process.version} on ${process.platform} ${process.arch}
`;
}

/** @param command undefined: the help of `iskra` itself. */
export function helpText(command: string | undefined): string {
  switch (command) {
    case 'run':
    case 'submit':
      return `Usage: iskra ${command} [options] APPLICATION [arguments]

Runs a TypeScript or JavaScript module: a script that creates its SparkContext, or one that exports
main(args: string[]). Everything behind APPLICATION goes to it as it is.

Options:
${optionLines()}

What the program sets wins over options, and these win over --properties-file or conf/spark-defaults.conf.

With --deploy-mode cluster the application is compiled here, brought to a worker and run there; its id is printed, for
--status and --kill. The command ends when the driver runs, or with the driver and as it did:
-c spark.standalone.submit.waitAppCompletion=true.

Examples:
  iskra ${command} word-count.ts books/*.txt
  iskra ${command} --master local[4] --name counting word-count.ts in out
  iskra ${command} -c spark.default.parallelism=8 -c spark.log.level=INFO job.ts
  iskra ${command} --properties-file prod.conf job.js
  iskra ${command} --master spark://host-a:7077 --deploy-mode cluster --supervise job.ts
  iskra ${command} --master spark://host-a:7077 --kill driver-20261121172904-0000

Exit codes: the application's own; 1 it failed, or a cluster did not do what was asked; 2 these options cannot be; 101 there is no such file;
130 ended by Ctrl-C (once: in good order, twice: at once).
`;
    case 'example':
      return `Usage: iskra example [options] [NAME] [arguments]

Runs examples/NAME.ts of this installation, with the options of iskra submit; lists the examples without a name.

Examples:
  iskra example
  iskra example spark-pi 20
  iskra example --master local[2] word-count
`;
    default:
      return `Iskra runs Apache Spark's kind of jobs in Node.

Usage: iskra COMMAND [options] [arguments]

Commands:
${Object.entries(COMMANDS)
  .map(([name, text]) => `  ${name.padEnd(15)}  ${text}`)
  .join('\n')}

  --help, -h     this help; behind a command, the help of the command
  --version      the version

Examples:
  iskra run word-count.ts books/*.txt
  iskra submit --master local[4] word-count.ts in out
  iskra example spark-pi
  iskra start-all
`;
  }
}
