import type { AskMessage, Asks, RpcCaller, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { ShuffleServiceSource } from './shuffle-service-source.ts';

/** An endpoint of questions, whose answers are looked at while somebody measures. */
export class MeasuredEndpoint<A extends Asks<A>> implements RpcEndpoint<never, A> {
  readonly #endpoint: Required<Pick<RpcEndpoint<never, A>, 'receiveAndReply'>>;
  readonly #callers = new Set<RpcCaller>();
  /** Null: nobody wants to know. */
  source: ShuffleServiceSource | null = null;

  constructor(endpoint: Required<Pick<RpcEndpoint<never, A>, 'receiveAndReply'>>) {
    this.#endpoint = endpoint;
  }

  get numConnections(): number {
    return this.#callers.size;
  }

  receive(): void {}

  receiveAndReply(ask: AskMessage<A>, from: RpcCaller): unknown {
    const { source } = this;
    const work = (): unknown => this.#endpoint.receiveAndReply(ask, from);
    return source === null ? work() : source.answer(ask.type, work);
  }

  onConnected(caller: RpcCaller): void {
    this.#callers.add(caller);
  }

  onDisconnected(caller: RpcCaller): void {
    this.#callers.delete(caller);
  }
}
