import { randomBytes } from 'node:crypto';
import { IskraError } from '../../base/errors.ts';
import { WORKER_ACCESS_VARIABLE, type WorkerAccess } from '../../protocol/worker-process.ts';
import type { RpcCaller } from '../../rpc/rpc-endpoint.ts';
import { applicationSecret, type RpcSecurity, SECRET_ENVIRONMENT_VARIABLE } from '../../rpc/security.ts';
import type { ProcessSecret } from './process-plan.ts';
import type { ProcessKey } from './worker-events.ts';

/**
 * Who may connect to a worker besides its cluster: the processes it started, each with a secret that it was given and that
 * opens nothing but this. They may watch the worker; they may not speak for a master.
 */
export class WorkerAccessKeys {
  /** For the worker's environment. */
  readonly security: RpcSecurity;
  readonly #cluster: RpcSecurity;
  readonly #byProcess = new Map<ProcessKey, string>();
  readonly #secrets = new Map<string, Uint8Array>();

  constructor(cluster: RpcSecurity) {
    this.#cluster = cluster;
    this.security =
      cluster.kind === 'none'
        ? cluster
        : { ...cluster, secretFor: (keyId) => this.#secrets.get(keyId) ?? cluster.secretFor(keyId) };
  }

  /** What a process needs to connect, as variables of its environment. */
  grant(key: ProcessKey): Readonly<Record<string, string>> {
    if (this.#cluster.kind === 'none') return {};
    this.revoke(key);
    const keyId = `process-${randomBytes(8).toString('hex')}`;
    const secret = randomBytes(32);
    this.#byProcess.set(key, keyId);
    this.#secrets.set(keyId, secret);
    const access: WorkerAccess = { keyId, secret: secret.toString('hex'), encrypt: this.#cluster.encrypt };
    return { [WORKER_ACCESS_VARIABLE]: JSON.stringify(access) };
  }

  /**
   * The secret by which a process proves to others than this worker who it is, as a variable of its environment.
   *
   * @throws IskraError `NO_SECRET` when it has to have one, and cannot.
   */
  secretOf(secret: ProcessSecret): Readonly<Record<string, string>> {
    const cluster = this.#cluster;
    switch (secret.kind) {
      case 'command':
        return {};
      case 'cluster':
        return cluster.kind === 'none' ? {} : { [SECRET_ENVIRONMENT_VARIABLE]: asText(cluster.secret) };
      case 'application':
        if (cluster.kind === 'secret')
          return { [SECRET_ENVIRONMENT_VARIABLE]: applicationSecret(cluster.secret, secret.salt) };
        throw new IskraError(
          'NO_SECRET',
          'the application authenticates, and this worker has no secret to derive that of the application from: start it with spark.authenticate=true and the secret of the cluster',
        );
    }
  }

  revoke(key: ProcessKey): void {
    const keyId = this.#byProcess.get(key);
    if (keyId === undefined) return;
    this.#byProcess.delete(key);
    this.#secrets.delete(keyId);
  }

  /** Whether this is somebody of the cluster, and not a process that was started here. */
  isOfCluster(caller: RpcCaller): boolean {
    return this.#cluster.kind === 'none' || caller.id === 'local' || caller.keyId === this.#cluster.keyId;
  }
}

/** @throws IskraError when it could not be read from an environment as it was. */
function asText(secret: Uint8Array): string {
  const text = Buffer.from(secret).toString('utf8');
  if (!text.includes('\0') && Buffer.from(text).equals(secret)) return text;
  throw new IskraError(
    'NO_SECRET',
    'a driver gets the secret of its cluster in its environment, and this one is no text: make it with openssl rand -hex 32, say',
  );
}
