import { isIPv6 } from 'node:net';
import { IllegalArgumentError } from '../base/errors.ts';

/** Where an `RpcEnv` can be reached. `host` is a name or an IP address without brackets. Spark: RpcAddress */
export interface RpcAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address gets brackets. */
export function formatAddress(address: RpcAddress): string {
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Reads `host:port`. @throws IllegalArgumentError when it has another form. */
export function parseAddress(text: string): RpcAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65535)) {
    throw new IllegalArgumentError(`'${text}' is not an address: give host:port, such as host-b:7077`, { text });
  }
  return { host, port };
}

/** `spark://name@host:port`, as executors get it for `--driver-url`. Spark: RpcEndpointAddress.toString */
export function endpointUrl(name: string, address: RpcAddress): string {
  return `spark://${name}@${formatAddress(address)}`;
}

/** Reads `spark://name@host:port`. @throws IllegalArgumentError with Spark's "Invalid Spark URL". */
export function parseEndpointUrl(url: string): { readonly name: string; readonly address: RpcAddress } {
  const match = /^spark:\/\/([^@/\s]+)@([^@/\s]+)$/.exec(url);
  try {
    if (match?.[1] !== undefined && match[2] !== undefined) return { name: match[1], address: parseAddress(match[2]) };
  } catch {
    // said below, with the whole URL
  }
  throw new IllegalArgumentError(`Invalid Spark URL: ${url}. It has the form spark://name@host:port`, { url });
}
