/** The client's address of a request, without Cloudflare's edge to report it. Pure. */
import { inRange, normalizeAddress } from '../../../src/lib/cidr.ts'

/** Which proxies may name a client, and in which header. */
export interface Trust {
  /** Addresses and CIDR blocks. */
  readonly proxies: readonly string[]
  readonly header: string
}

/**
 * The address of the actual client: that of the connection, unless it is a trusted proxy's. Then it is the last one in
 * the header that is not a trusted proxy's. Everything before it was written by the client itself.
 *
 * @param peer the connection's other end as workerd reports it: `192.0.2.1:41234`, `[2001:db8::1]:41234`
 * @param named the header's value, null without one
 * @returns `undefined` if the connection has no address, as for a Unix socket
 */
export function findClientAddress(peer: string, named: string | null, { proxies }: Trust): string | undefined {
  const address = withoutPort(peer)
  if (address === undefined || named === null || !isTrusted(address, proxies)) return address
  let client = address
  for (const text of named.split(',').toReversed()) {
    const hop = withoutPort(text.trim())
    if (hop === undefined) return client // nobody knows what came before something unreadable
    client = hop
    if (!isTrusted(hop, proxies)) return client
  }
  return client
}

const isTrusted = (address: string, proxies: readonly string[]) => proxies.some((range) => inRange(address, range))

function withoutPort(text: string): string | undefined {
  const [, v6, v4] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(text) ?? []
  return normalizeAddress(v6 ?? v4 ?? text)
}
