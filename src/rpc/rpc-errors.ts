import { type ErrorData, IskraError } from '../base/errors.ts';
import { formatAddress, type RpcAddress } from './rpc-address.ts';

/** No reply came in time; the other side may still do what it was asked. Spark: RpcTimeoutException */
export class RpcTimeoutError extends IskraError {
  override readonly name = 'RpcTimeoutError';
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super('RPC_TIMEOUT', message, { details });
  }
}

/** There is no connection, or none any more. What was asked may or may not have been done. */
export class RpcConnectionError extends IskraError {
  override readonly name = 'RpcConnectionError';
  constructor(message: string, options: { readonly cause?: unknown; readonly address?: RpcAddress } = {}) {
    super('RPC_CONNECTION', message, {
      ...(options.cause === undefined ? {} : { cause: options.cause }),
      details: options.address === undefined ? {} : { address: formatAddress(options.address) },
    });
  }
}

/** The two ends do not let each other in: another secret, policy or version. Trying again does not help. */
export class RpcHandshakeError extends IskraError {
  override readonly name = 'RpcHandshakeError';
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super('RPC_HANDSHAKE', message, { details });
  }
}

/** Nothing of that name is registered there. Spark: RpcEndpointNotFoundException */
export class RpcEndpointNotFoundError extends IskraError {
  override readonly name = 'RpcEndpointNotFoundError';
  constructor(url: string) {
    super('RPC_ENDPOINT_NOT_FOUND', `Cannot find endpoint: ${url}`, { details: { url } });
  }
}

/** Used after `stop()`. Spark: RpcEnvStoppedException */
export class RpcEnvStoppedError extends IskraError {
  override readonly name = 'RpcEnvStoppedError';
  constructor() {
    super('RPC_ENV_STOPPED', 'RpcEnv already stopped.');
  }
}

/** A message that may not travel: too large, or it holds what has no form on the wire. Raised where it is sent. */
export class RpcMessageError extends IskraError {
  override readonly name = 'RpcMessageError';
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('RPC_MESSAGE', message, options);
  }
}

/** Bytes that break the protocol; the connection that brought them is closed. */
export class RpcProtocolError extends IskraError {
  override readonly name = 'RpcProtocolError';
  constructor(message: string) {
    super('RPC_PROTOCOL', message);
  }
}

/**
 * What the endpoint threw that was asked. `code` and `message` are those of the thrown error (`RPC_REMOTE` when it
 * had no code), `stack` ends with the remote stack, and `remote` is all that travelled.
 */
export class RemoteError extends IskraError {
  override readonly name = 'RemoteError';
  readonly remote: ErrorData;

  constructor(remote: ErrorData, from: string) {
    super(remote.code ?? 'RPC_REMOTE', remote.message, {
      ...(remote.cause === null ? {} : { cause: new RemoteError(remote.cause, from) }),
      details: { from },
    });
    this.remote = remote;
    this.stack = `${this.stack ?? ''}\nat ${from}: ${remote.stack}`;
  }
}

/** "120 seconds", as Scala writes a duration in Spark's messages. @param ms milliseconds */
export function durationText(ms: number): string {
  const [count, unit] = ms % 1000 === 0 ? [ms / 1000, 'second'] : [ms, 'millisecond'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
