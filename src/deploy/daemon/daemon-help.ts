import { type DaemonCommand, daemonOptionLines } from './daemon-options.ts';

/** What `iskra COMMAND --help` shows. */
export function daemonHelp(command: DaemonCommand): string {
  switch (command) {
    case 'master':
      return `Usage: iskra master [options]

Runs the master of a standalone cluster: workers register with it, applications get executors from it.

Options:
${daemonOptionLines(command)}

Options win over the environment, and that wins over the properties file. Variables: ISKRA_MASTER_HOST, …_MASTER_PORT,
…_MASTER_WEBUI_PORT, …_PUBLIC_DNS, …_CONF_DIR, …_LOG_DIR, …_PID_DIR, and others; each may begin with SPARK_ instead.

Without --host it listens on localhost only, unless spark.authenticate says who may talk.

Examples:
  iskra master
  iskra master --port 7078 --webui-port 0 --conf spark.deploy.recoveryMode=FILESYSTEM --conf spark.deploy.recoveryDirectory=/var/iskra
  iskra master --daemon --host host-a --properties-file conf/secure.conf

Exit codes: 0 it was told to end by its election; 1 it could not start; 50 it is broken; 129, 130, 143 ended by SIGHUP, Ctrl-C or SIGTERM.
`;
    case 'worker':
      return `Usage: iskra worker [options] spark://HOST:PORT[,HOST:PORT…]

Gives this machine's cores and memory to the cluster of a master: it starts executors, and drivers in cluster mode.

Options:
${daemonOptionLines(command)}

Options win over the environment, and that wins over the properties file. Variables: ISKRA_WORKER_CORES, …_WORKER_MEMORY,
…_WORKER_PORT, …_WORKER_WEBUI_PORT, …_WORKER_DIR, …_LOCAL_DIRS, …_PUBLIC_DNS, …_LOG_DIR, …_PID_DIR, and others; each may
begin with SPARK_ instead.

Examples:
  iskra worker spark://localhost:7077
  iskra worker --cores 4 --memory 8G --work-dir /data/iskra spark://host-a:7077,host-b:7077
  iskra worker --daemon --instance 2 spark://localhost:7077

Exit codes: 1 it could not start, or no master answered; 129, 130, 143 ended by SIGHUP, Ctrl-C or SIGTERM.
`;
    case 'shuffle-service':
      return `Usage: iskra shuffle-service [options]

Serves the shuffle files of this machine's executors, so that they can be read when the executor is gone. A worker with
spark.shuffle.service.enabled=true does the same in its own process; this one goes on while workers are restarted. Then the
setting is false for workers, and true for applications.

Options:
${daemonOptionLines(command)}

Options win over the environment, and that wins over the properties file. Variables: ISKRA_SHUFFLE_SERVICE_HOST,
…_SHUFFLE_SERVICE_PORT, …_SHUFFLE_OPTS, …_LOCAL_DIRS, …_LOG_DIR, …_PID_DIR, and others; each may begin with SPARK_ instead.

spark.local.dir (or …_LOCAL_DIRS) has to be the same as for the workers of this machine: only what lies below is served.

Examples:
  iskra shuffle-service --conf spark.local.dir=/data/iskra
  iskra shuffle-service --daemon --host host-a --properties-file conf/secure.conf

Exit codes: 1 it could not start; 129, 130, 143 ended by SIGHUP, Ctrl-C or SIGTERM.
`;
    case 'history-server':
      return `Usage: iskra history-server [options]

Shows applications that have ended, and those that run, from the event logs that they wrote with spark.eventLog.enabled=true:
pages, and Spark's REST API below /api/v1. Logs that Spark wrote are read as well.

Options:
${daemonOptionLines(command)}

Options win over the environment, and that wins over the properties file. Variables: ISKRA_HISTORY_HOST, …_HISTORY_PORT,
…_HISTORY_OPTS, …_PUBLIC_DNS, …_LOG_DIR, …_PID_DIR, and others; each may begin with SPARK_ instead.

Without --host it listens on localhost only: pages ask nobody for a secret.

Examples:
  iskra history-server --dir /tmp/spark-events
  iskra history-server --port 0 --conf spark.history.fs.cleaner.enabled=true --conf spark.history.fs.cleaner.maxAge=30d
  iskra history-server --daemon --host host-a --properties-file conf/history.conf

Exit codes: 1 it could not start; 130, 143 ended by Ctrl-C or SIGTERM.
`;
    case 'stop':
      return `Usage: iskra stop [options] master|worker|shuffle-service|history-server

Ends daemons of this machine and this user in good order, and waits until they are gone.

Options:
${daemonOptionLines(command)}

Examples:
  iskra stop master
  iskra stop --instance 2 worker
`;
    case 'start-workers':
      return `Usage: iskra start-workers [options] [spark://HOST:PORT]

Starts a worker for each line of conf/workers: on this machine, and by ssh on others. Without a URL the master is that of
ISKRA_MASTER_HOST and ISKRA_MASTER_PORT, or of this machine. Other hosts have Iskra, its conf folder and Node at the same paths.

Options:
${daemonOptionLines(command)}

Variables, which may begin with SPARK_ instead: ISKRA_SSH_OPTS, options of ssh; ISKRA_SSH_FOREGROUND, one host after another, and
ssh may ask; ISKRA_WORKER_SLEEP, seconds between two; ISKRA_WORKERS, another file than conf/workers; ISKRA_REMOTE_COMMAND, what runs
Iskra on other hosts; ISKRA_WORKER_INSTANCES, workers a line, as the conf/spark-env.sh of each host has it.

Examples:
  iskra start-workers spark://host-a:7077
  ISKRA_SSH_OPTS='-i /etc/iskra/key -l iskra' iskra start-workers --properties-file conf/cluster.conf spark://host-a:7077

Exit codes: 0 all were started; 1 some were not: each is named, with what to do.
`;
    case 'stop-workers':
      return `Usage: iskra stop-workers [options]

Ends the workers of all hosts of conf/workers that run as daemons of this user: those of this machine, and by ssh those of others.

Options:
${daemonOptionLines(command)}

Example:
  iskra stop-workers

Exit codes: 0 none is left; 1 some host could not be reached, or some worker stayed: each is named.
`;
    case 'decommission-worker':
      return `Usage: iskra decommission-worker [options]

Has workers of this machine that run as daemons take nothing more, and their executors hand on what they hold, where
spark.decommission.enabled is true for them.

Options:
${daemonOptionLines(command)}

Example:
  iskra decommission-worker --instance 2
`;
    case 'start-all':
      return `Usage: iskra start-all [options]

Starts a master on this machine, and a worker for each line of conf/workers, or one here when there is no such file: on this
machine, and by ssh on others (see iskra start-workers --help). ISKRA_WORKER_INSTANCES starts several workers each.

Options:
${daemonOptionLines(command)}

Examples:
  iskra start-all
  ISKRA_WORKER_INSTANCES=2 ISKRA_WORKER_CORES=1 ISKRA_WORKER_MEMORY=1g iskra start-all
`;
    case 'stop-all':
      return `Usage: iskra stop-all

Ends all workers and masters of this machine and this user that run as daemons, and by ssh the workers of the other hosts of
conf/workers.

Options:
${daemonOptionLines(command)}

Example:
  iskra stop-all
`;
  }
}
