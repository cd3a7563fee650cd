import { IskraError } from '../base/errors.ts';

/**
 * What ZooKeeper answered, or why it did not.
 *
 * CONNECTION_LOSS: the link broke before an answer came; it may have been done. SESSION_ENDED: there is no way on in this session.
 */
export type ZooKeeperFault =
  | 'NO_NODE'
  | 'NODE_EXISTS'
  | 'NOT_EMPTY'
  | 'BAD_VERSION'
  | 'CONNECTION_LOSS'
  | 'SESSION_ENDED'
  | 'OTHER';

/** Something asked of ZooKeeper failed. */
export class ZooKeeperError extends IskraError {
  override readonly name = 'ZooKeeperError';
  readonly fault: ZooKeeperFault;
  /** Of a transaction: which of its operations was refused; otherwise 0. */
  readonly operation: number;

  constructor(fault: ZooKeeperFault, message: string, options: { cause?: unknown; operation?: number } = {}) {
    super(`ZOOKEEPER_${fault}`, message, { cause: options.cause });
    this.fault = fault;
    this.operation = options.operation ?? 0;
  }
}
