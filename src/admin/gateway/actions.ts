import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { holdMeters } from '../../db/hold-meters.ts'
import { isBuiltIn } from '../../db/schema/meters.ts'
import type { StoredHeaders } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { type FieldError } from '../../field-errors.ts'
import { forgetRoutes } from '../../gateway/route-cache.ts'
import { sealHeader } from '../../gateway/secrets.ts'
import { findUpstreamFlaw } from '../../gateway/upstream-rules.ts'
import { UUID, uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { requireMeters } from '../custom-limits.ts'
import {
  deleteRoute,
  findRouteRow,
  hasRoom,
  insertRoute,
  isRoute,
  listRouteRows,
  type RouteRow,
  updateRoute,
} from './queries.ts'
import type { GatewayRoute, GatewayRouteChanges, NewGatewayRoute } from './schemas.ts'

type View = z.output<typeof GatewayRoute>

export async function listGatewayRoutes(deps: ManagementDeps): Promise<View[]> {
  return (await listRouteRows(deps.db)).map((row) => toView(deps, row))
}

/** @throws Problem `route_not_found` */
export async function getGatewayRoute(deps: ManagementDeps, id: string): Promise<View> {
  return toView(deps, await getRow(deps, id))
}

/** @throws Problem `invalid_request`, `route_slug_taken`, `route_match_taken`, `route_limit_reached` */
export async function createGatewayRoute(
  deps: ManagementDeps,
  operator: Operator,
  { match, add_headers, ...fields }: z.output<typeof NewGatewayRoute>,
): Promise<View> {
  requireSound(deps, { upstream: fields.upstream, host: match.host })
  const slugs = await requireOwnMeters(deps, fields.meter)
  const id = uuidv7(deps.now())
  const now = new Date(deps.now())
  const row = {
    ...(toColumns(fields) as Required<ReturnType<typeof toColumns>>),
    id,
    matchHost: match.host?.toLowerCase() ?? null,
    matchPathPrefix: match.path_prefix,
    addHeaders: await storeHeaders(deps, id, add_headers),
    createdAt: now,
    updatedAt: now,
  } as RouteRow
  const view = toView(deps, row)
  await nameConflicts(async () =>
    runBatch(deps.db, {
      meters: holdMeters(deps.db, slugs),
      room: requireThat(deps.db, hasRoom(), 'route_limit_reached'),
      route: insertRoute(deps.db, row),
      audit: audited(deps, {
        action: 'admin.route_created',
        actor: operator,
        target: { type: 'gateway_route', id },
        detail: { slug: row.slug, upstream: row.upstream },
      }),
      answer: await keepAnswer(deps, 201, view),
    }),
  )
  forgetRoutes()
  return view
}

interface RouteChange {
  readonly operator: Operator
  readonly id: string
  readonly changes: z.output<typeof GatewayRouteChanges>
}

/**
 * Changes a route. Every isolate applies the change within ten seconds (gateway/route-cache.ts).
 *
 * @throws Problem `route_not_found`, `invalid_request`, `route_slug_taken`, `route_match_taken`
 */
export async function changeGatewayRoute(deps: ManagementDeps, { operator, id, changes }: RouteChange): Promise<View> {
  const known = await getRow(deps, id)
  const { match = {}, add_headers = {}, ...fields } = changes
  requireSound(deps, { upstream: fields.upstream, host: match.host })
  const slugs = await requireOwnMeters(deps, fields.meter)
  const given = Object.entries(add_headers)
  const done = await nameConflicts(async () =>
    runBatch(deps.db, {
      meters: holdMeters(deps.db, slugs),
      found: requireThat(deps.db, isRoute(known.id), 'route_not_found'),
      route: updateRoute(deps.db, known.id, {
        ...toColumns(fields),
        ...(match.host !== undefined && { matchHost: match.host?.toLowerCase() ?? null }),
        ...(match.path_prefix !== undefined && { matchPathPrefix: match.path_prefix }),
        setHeaders: await storeHeaders(
          deps,
          known.id,
          Object.fromEntries(given.flatMap(([name, header]) => (header ? [[name, header]] : []))),
        ),
        removedHeaders: given.flatMap(([name, header]) => (header ? [] : [name.toLowerCase()])),
      }),
      audit: audited(deps, {
        action: 'admin.route_updated',
        actor: operator,
        target: { type: 'gateway_route', id: known.id },
        detail: { slug: known.slug, changed: Object.keys(changes) },
      }),
    }),
  )
  forgetRoutes()
  return toView(deps, done.route[0] as RouteRow)
}

/** @throws Problem `route_not_found` */
export async function deleteGatewayRoute(deps: ManagementDeps, operator: Operator, id: string): Promise<void> {
  const { slug, upstream, id: known } = await getRow(deps, id)
  await runBatch(deps.db, {
    found: requireThat(deps.db, isRoute(known), 'route_not_found'),
    audit: audited(deps, {
      action: 'admin.route_deleted',
      actor: operator,
      target: { type: 'gateway_route', id: known },
      detail: { slug, upstream },
    }),
    route: deleteRoute(deps.db, known),
  })
  forgetRoutes()
}

async function getRow(deps: ManagementDeps, id: string): Promise<RouteRow> {
  const row = UUID.test(id) ? await findRouteRow(deps.db, id) : undefined
  if (!row) throw new Problem('route_not_found')
  return row
}

/**
 * Checks against the deployment's settings: where it may send requests, and which hosts belong to the gateway.
 *
 * @throws Problem `invalid_request`
 */
function requireSound(
  { config }: ManagementDeps,
  { upstream, host }: { upstream: string | undefined; host: string | null | undefined },
): void {
  const errors: FieldError[] = []
  const flaw = upstream === undefined ? undefined : findUpstreamFlaw(upstream, config)
  if (flaw) errors.push({ path: 'body.upstream', message: flaw })
  if (host && !config.GATEWAY_HOSTS.includes(host.toLowerCase()))
    errors.push({ path: 'body.match.host', message: 'must be one of the hosts in the setting GATEWAY_HOSTS' })
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
}

const BESIDE = 'is no meter of your own: name its header beside `quantities`, if it has one'

/**
 * @returns the custom meters that response headers report
 * @throws Problem `invalid_request` naming each one that does not exist
 */
async function requireOwnMeters(deps: ManagementDeps, meter: Fields['meter']): Promise<string[]> {
  const slugs = typeof meter === 'object' ? Object.keys(meter.from_header.quantities ?? {}) : []
  const path = 'body.meter.from_header.quantities'
  const errors = slugs.filter(isBuiltIn).map((slug) => ({ path: `${path}.${slug}`, message: BESIDE }))
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
  await requireMeters(deps, [{ path, settings: slugs.map((slug) => [slug, null] as const) }])
  return slugs
}

const CONFLICTS = {
  gateway_routes_slug_unique: 'route_slug_taken',
  gateway_routes_match_unique: 'route_match_taken',
} as const

async function nameConflicts<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const code = CONFLICTS[brokenConstraint(error) as keyof typeof CONFLICTS]
    throw code ? new Problem(code) : error
  }
}

type Fields = Omit<z.output<typeof GatewayRouteChanges>, 'match' | 'add_headers'>

/** Drizzle ignores undefined columns. */
function toColumns(fields: Fields) {
  return {
    slug: fields.slug,
    upstream: fields.upstream && new URL(fields.upstream).href.replace(/\/$/, ''),
    stripPrefix: fields.strip_prefix,
    timeoutMs: fields.timeout_ms,
    scopes: fields.scopes,
    cost: fields.cost,
    limits: fields.limits,
    meter: fields.meter as RouteRow['meter'] | undefined,
    publicPaths: fields.public_paths,
    isEnabled: fields.is_enabled,
  }
}

type GivenHeaders = z.output<typeof NewGatewayRoute>['add_headers']

async function storeHeaders(deps: ManagementDeps, id: string, given: GivenHeaders): Promise<StoredHeaders> {
  const entries = Object.entries(given).map(async ([spelled, { value, is_secret }]) => {
    const name = spelled.toLowerCase()
    return [name, is_secret ? { sealed: await sealHeader(deps.config, { id, name, value }) } : { value }]
  })
  return Object.fromEntries(await Promise.all(entries))
}

function toView({ config }: ManagementDeps, row: RouteRow): View {
  const { matchHost: host, matchPathPrefix: path_prefix, slug } = row
  return {
    id: row.id,
    slug,
    match: { host, path_prefix },
    url: `${config.PUBLIC_URL}/gw/${slug}${path_prefix === '/' ? '' : path_prefix}`,
    upstream: row.upstream,
    strip_prefix: row.stripPrefix,
    add_headers: Object.fromEntries(
      Object.entries(row.addHeaders).map(([name, header]) => [
        name,
        'value' in header ? { value: header.value, is_secret: false } : { value: null, is_secret: true },
      ]),
    ),
    timeout_ms: row.timeoutMs,
    scopes: row.scopes,
    cost: row.cost,
    limits: row.limits,
    meter: row.meter,
    public_paths: row.publicPaths,
    is_enabled: row.isEnabled,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
