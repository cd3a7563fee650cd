import type { RpcAddress } from './rpc-address.ts';
import type { AskOptions, Asks, RpcRef } from './rpc-endpoint.ts';

/** A connection, or what stands for one within an environment. */
interface Line {
  readonly remote: RpcAddress;
  readonly closed: boolean;
  readonly bufferedBytes: number;
  send(name: string, message: unknown): void;
  ask(name: string, type: string, request: unknown, options: AskOptions | undefined): Promise<unknown>;
}

/** An endpoint at the other end of a line, by its name. */
export class ConnectionRef<Send extends { readonly type: string }, A extends Asks<A>> implements RpcRef<Send, A> {
  readonly name: string;
  readonly #line: Line;

  constructor(line: Line, name: string) {
    this.#line = line;
    this.name = name;
  }

  get address(): RpcAddress {
    return this.#line.remote;
  }

  get closed(): boolean {
    return this.#line.closed;
  }

  get bufferedBytes(): number {
    return this.#line.bufferedBytes;
  }

  send(message: Send): void {
    this.#line.send(this.name, message);
  }

  ask<K extends keyof A & string>(type: K, request: A[K][0], options?: AskOptions): Promise<A[K][1]> {
    return this.#line.ask(this.name, type, request, options) as Promise<A[K][1]>; // the protocol's word for it
  }
}
