import type { Context } from 'hono'
import type { Origin } from '../deps.ts'
import { clientIp } from '../http/edge.ts'
import { CLIENT_IP, SERVICE_KEY, wrongHeader } from '../http/naming-headers.ts'
import { normalizeAddress } from '../lib/cidr.ts'
import type { ManagementEnv } from './env.ts'
import { requireServiceKey } from './service-key.ts'

const SCOPE = 'platform:users:write'
const MAX_USER_AGENT = 500

/** Where a request comes from, as the edge sees it. */
export function readOrigin(c: Context<ManagementEnv>): Origin {
  const userAgent = c.req.header('User-Agent')?.slice(0, MAX_USER_AGENT)
  return { requestId: c.env.requestId, ip: clientIp(c), userAgent }
}

/**
 * Takes the address that a back end with a service key names in place of its own, for limits, sessions, mails and the audit log
 * (docs/operate/back-ends.md). What keys are bound to stays the address that the edge sees.
 *
 * @throws Problem `invalid_request` for what is no address, or one header without the other; `unauthenticated` and `forbidden`
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
