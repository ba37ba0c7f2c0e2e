import type { Config } from '../config.ts'
import { cacheRows } from '../db/row-cache.ts'
import type { GatewayMeter, StoredHeaders } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { simplifyPath } from './path.ts'
import type { Route } from './route.ts'
import { openHeader } from './secrets.ts'
import { findUpstreamFlaw } from './upstream-rules.ts'

/** Decrypted secrets by their sealed form, so that each is decrypted once. */
const opened = new Map<string, string>()
const MAX_OPENED = 4_000

const SELECT = `select id, slug, match_host, match_path_prefix, upstream, strip_prefix, add_headers, timeout_ms, scopes, cost,
  limits, meter, public_paths from gateway_routes where is_enabled`

interface Row {
  id: string
  slug: string
  match_host: string | null
  match_path_prefix: string
  upstream: string
  strip_prefix: boolean
  add_headers: StoredHeaders
  timeout_ms: number
  scopes: string[]
  cost: number
  limits: Record<string, number>
  meter: GatewayMeter
  public_paths: string[]
}

const cache = cacheRows({
  failure: 'gateway_routes_not_reloaded',
  freshMs: 5_000,
  maxAgeMs: 10_000,
  read: async (deps) => Promise.all(((await deps.sql.query(SELECT)) as Row[]).map((row) => toRoute(deps, row))),
})

/**
 * All enabled routes: the operator has a few, and all are needed at once. A change takes effect within ten seconds; while
 * the database does not respond, the last known routes stay active.
 *
 * @throws Problem `unavailable` if none are known and the database does not respond
 */
export const findRoutes: (deps: Deps) => Promise<readonly Route[]> = cache.find

/** Invalidates the routes in the isolate that changed one, so that it sees the change at once. */
export const forgetRoutes = cache.forget

async function toRoute({ config }: Deps, row: Row): Promise<Route> {
  const headers = Object.entries(row.add_headers).map(async ([name, header]) => {
    if ('value' in header) return [name, header.value] as const
    return [name, await open(config, { id: row.id, name, sealed: header.sealed })] as const
  })
  const added = await Promise.all(headers)
  const closed = added.find(([, value]) => value === undefined)
  return {
    id: row.id,
    slug: row.slug,
    host: row.match_host,
    pathPrefix: row.match_path_prefix,
    plainPrefix: simplifyPath(row.match_path_prefix),
    upstream: row.upstream,
    stripPrefix: row.strip_prefix,
    addHeaders: added.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ...findFault(row, config, closed?.[0]),
    timeoutMs: row.timeout_ms,
    scopes: row.scopes,
    cost: row.cost,
    limits: row.limits,
    meter: row.meter,
    publicPaths: row.public_paths,
  }
}

/** The address is checked at each read, because the rules may be newer than the route. */
function findFault({ upstream }: Row, config: Config, closedHeader: string | undefined): { fault?: string } {
  if (closedHeader !== undefined)
    return { fault: `The header ${closedHeader} of the route was sealed under another SECRET_KEY; set it again.` }
  const flaw = findUpstreamFlaw(upstream, config)
  return flaw === undefined ? {} : { fault: `The upstream of the route ${flaw}.` }
}

type SealedHeader = Parameters<typeof openHeader>[1]

/** @returns `undefined` if it cannot be decrypted: that route fails, and all others work */
async function open(secrets: Config, header: SealedHeader): Promise<string | undefined> {
  const earlier = opened.get(header.sealed)
  if (earlier !== undefined) return earlier
  if (opened.size >= MAX_OPENED) opened.clear()
  try {
    const value = await openHeader(secrets, header)
    opened.set(header.sealed, value)
    return value
  } catch (error) {
    log('error', 'gateway_header_not_opened', { route: header.id, header: header.name, ...errorFields(error) })
    return undefined
  }
}
