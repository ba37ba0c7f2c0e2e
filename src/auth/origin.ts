import type { Context } from 'hono'
import type { Origin } from '../deps.ts'
import { clientIp } from '../http/edge.ts'
import { CLIENT_IP, SERVICE_KEY, wrongHeader } from '../http/naming-headers.ts'
import { normalizeAddress } from '../lib/cidr.ts'
import { parseTraceparent } from '../lib/traceparent.ts'
import type { ManagementEnv } from './env.ts'
import { requireServiceKey } from './service-key.ts'

const SCOPE = 'platform:users:write'
const MAX_USER_AGENT = 500

/** Where a request comes from, as the edge sees it. */
export function readOrigin(c: Context<ManagementEnv>): Origin {
  const userAgent = c.req.header('User-Agent')?.slice(0, MAX_USER_AGENT)
  const traceId = parseTraceparent(c.req.header('traceparent'))
  return { requestId: c.env.requestId, traceId, ip: clientIp(c), userAgent }
}

/**
 * A back end with a service key may name its client's address. Limits, sessions, emails and the audit log then use that
 * address instead of the back end's (docs/operate/back-ends.md). Address rules of keys always use the one that the edge sees.
 *
 * @throws Problem `invalid_request` for a malformed address, or for one header without the other; `unauthenticated` and `forbidden`
 *   as {@link requireServiceKey}
 */
export async function takeNamedAddress(c: Context<ManagementEnv>): Promise<void> {
  const [named, key] = [c.req.header(CLIENT_IP), c.req.header(SERVICE_KEY)]
  if (named === undefined && key === undefined) return
  if (named === undefined) throw wrongHeader(SERVICE_KEY, `goes with ${CLIENT_IP}, which is missing`)
  const ip = normalizeAddress(named.trim())
  if (ip === undefined) throw wrongHeader(CLIENT_IP, 'must be one IPv4 or IPv6 address')
  const addressBy = await requireServiceKey(c, key, { scope: SCOPE, place: SERVICE_KEY })
  const { deps } = c.var
  c.set('deps', { ...deps, origin: { ...deps.origin, ip, addressBy } })
}
