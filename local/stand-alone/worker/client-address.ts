/** Whose address a request comes from, where no edge of Cloudflare says it. Pure. */
import { inRange, normalizeAddress } from '../../../src/lib/cidr.ts'

/** Which proxies may name a client, and in which header. */
export interface Trust {
  /** Addresses and CIDR blocks. */
  readonly proxies: readonly string[]
  readonly header: string
}

/**
 * The address of who really asks. It is that of the connection, unless that is a trusted proxy's: then it is the last one in
 * the header that no trusted proxy has. Whatever stands before it was written by the client itself.
 *
 * @param peer the connection's other end as workerd tells it: `192.0.2.1:41234`, `[2001:db8::1]:41234`
 * @param named the header's value, null without one
 * @returns `undefined` where the connection has no address, as a Unix socket's
 */
export function findClientAddress(peer: string, named: string | null, { proxies }: Trust): string | undefined {
  const address = withoutPort(peer)
  if (address === undefined || named === null || !isTrusted(address, proxies)) return address
  let client = address
  for (const text of named.split(',').toReversed()) {
    const hop = withoutPort(text.trim())
    if (hop === undefined) return client // nobody can say what came before something unreadable
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
