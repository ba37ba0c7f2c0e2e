import type { Context } from 'hono'
import type { Origin } from '../deps.ts'
import { clientIp } from '../http/edge.ts'
import { normalizeAddress } from '../lib/cidr.ts'
import { Problem } from '../problems.ts'
import type { ManagementEnv } from './env.ts'
import { requireServiceKey } from './service-key.ts'

/** The address of the person for whom a back end of the operator's calls. */
const CLIENT_IP = 'Tollgate-Client-IP'
/** The service key that lets it say so. In a header of its own: `Authorization` may hold the person's token. */
const SERVICE_KEY = 'Tollgate-Service-Key'
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
  if (named === undefined) throw malformed(SERVICE_KEY, `goes with ${CLIENT_IP}, which is missing`)
  const ip = normalizeAddress(named.trim())
  if (ip === undefined) throw malformed(CLIENT_IP, 'must be one IPv4 or IPv6 address')
  const addressBy = await requireServiceKey(c, key, { scope: SCOPE, place: SERVICE_KEY })
  const { deps } = c.var
  c.set('deps', { ...deps, origin: { ...deps.origin, ip, addressBy } })
}

const malformed = (header: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path: `header.${header}`, message }] })
