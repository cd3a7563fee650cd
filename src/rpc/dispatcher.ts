import { errorToData, IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { allocateShared } from './pending-asks.ts';
import type { RpcCaller } from './rpc-endpoint.ts';
import { RpcMessageError } from './rpc-errors.ts';

/** Every environment has it; asked whether an endpoint is there. Spark: RpcEndpointVerifier */
export const VERIFIER_NAME = 'endpoint-verifier';

/** An endpoint without the types of its protocol: what arrives has none until the endpoint looks at it. */
export interface AnyEndpoint {
  receive(message: unknown, from: RpcCaller): void;
  receiveAndReply?(ask: unknown, from: RpcCaller): unknown;
  onConnected?(caller: RpcCaller): void;
  onDisconnected?(caller: RpcCaller): void;
  readonly shared?: boolean;
  allocate?(byteLength: number): Uint8Array;
}

interface Registered {
  readonly endpoint: AnyEndpoint;
  /** Connections that it was told of and that have not gone. */
  readonly told: Set<RpcCaller>;
}

/** How an ask is answered. */
export interface Reply {
  value(value: unknown): void;
  error(error: unknown): void;
}

/** Brings messages to endpoints. Spark: Dispatcher */
export class Dispatcher {
  readonly #log: Logger;
  readonly #endpoints = new Map<string, Registered>();
  readonly #callers = new Set<RpcCaller>();
  #stopped = false;

  constructor(log: Logger) {
    this.#log = log;
    this.register(VERIFIER_NAME, {
      receive: () => {},
      receiveAndReply: (ask) => this.#endpoints.has(String((ask as { request?: unknown }).request)),
    });
  }

  /** @throws RpcMessageError for a name that cannot be one, or is taken. */
  register(name: string, endpoint: AnyEndpoint): void {
    if (name === '' || Buffer.byteLength(name) > 512) {
      throw new RpcMessageError(`'${name.slice(0, 40)}' cannot be the name of an endpoint: give 1 to 512 bytes`);
    }
    if (this.#endpoints.has(name)) throw new RpcMessageError(`There is already an RpcEndpoint called ${name}`);
    const registered = { endpoint, told: new Set<RpcCaller>() };
    this.#endpoints.set(name, registered);
    for (const caller of this.#callers) this.#tell(name, registered, caller);
  }

  unregister(name: string): void {
    this.#endpoints.delete(name);
  }

  /** The memory that an endpoint wants the bytes of its messages in. */
  allocator(name: string): ((byteLength: number) => Uint8Array) | undefined {
    const endpoint = this.#endpoints.get(name)?.endpoint;
    if (endpoint?.allocate !== undefined) return (byteLength) => endpoint.allocate?.(byteLength) ?? new Uint8Array(0);
    return endpoint?.shared === true ? allocateShared : undefined;
  }

  connected(caller: RpcCaller): void {
    if (this.#stopped) return;
    this.#callers.add(caller);
    for (const [name, registered] of [...this.#endpoints]) this.#tell(name, registered, caller);
  }

  disconnected(caller: RpcCaller): void {
    if (this.#stopped || !this.#callers.delete(caller)) return;
    for (const [name, { endpoint, told }] of [...this.#endpoints]) {
      if (!told.delete(caller)) continue;
      this.#guard(name, () => endpoint.onDisconnected?.(caller));
    }
  }

  message(name: string, message: unknown, from: RpcCaller): void {
    if (this.#stopped) return;
    const registered = this.#endpoints.get(name);
    if (registered === undefined) {
      this.#log.warn(`Message dropped. Could not find ${name}.`, { from: from.id });
      return;
    }
    try {
      registered.endpoint.receive(message, from);
    } catch (error) {
      this.#report(name, error);
    }
  }

  ask(name: string, ask: unknown, from: RpcCaller, reply: Reply): void {
    const endpoint = this.#stopped ? undefined : this.#endpoints.get(name)?.endpoint;
    if (endpoint === undefined) {
      reply.error(new IskraError('RPC_ENDPOINT_NOT_FOUND', `Could not find ${name}.`));
      return;
    }
    let result: unknown;
    try {
      if (endpoint.receiveAndReply === undefined) throw new RpcMessageError(`${name} won't reply anything`);
      result = endpoint.receiveAndReply(ask, from);
    } catch (error) {
      reply.error(error);
      return;
    }
    if (isThenable(result)) {
      result.then(
        (value) => reply.value(value),
        (error) => reply.error(error),
      );
    } else {
      reply.value(result);
    }
  }

  /** No endpoint is called any more. */
  stop(): void {
    this.#stopped = true;
    this.#endpoints.clear();
    this.#callers.clear();
  }

  #tell(name: string, { endpoint, told }: Registered, caller: RpcCaller): void {
    if (told.has(caller)) return;
    told.add(caller);
    this.#guard(name, () => endpoint.onConnected?.(caller));
  }

  #guard(name: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(name, error);
    }
  }

  #report(name: string, error: unknown): void {
    this.#log.error(
      `An error happened while processing a message in the RPC endpoint ${name}: ${errorToData(error).stack}`,
    );
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
