import { mayRead } from '../../auth/organization-access.ts'
import type { Operator } from '../../auth/principal.ts'
import type { ManagementDeps } from '../../deps.ts'
import { readTime } from '../../lib/id-time.ts'
import { Problem } from '../../problems.ts'
import {
  findEvents,
  findKeyNow,
  listAuditRows,
  listDeliveries,
  listRelatedEvents,
  type TracedEvent,
} from './queries.ts'
import { chooseRange, type TimeRange } from './rules.ts'

interface Inspection {
  readonly operator: Operator
  readonly requestId: string
  readonly organizationId: string | undefined
  readonly range: Partial<TimeRange>
}

export type Inspected = Awaited<ReturnType<typeof inspectRequest>>

/**
 * Collects everything that is stored about a request, by its id: the verification and reports that name it, the current key and
 * organization, audit rows and webhook deliveries. For the last two, a service key needs the scopes of their own lists.
 *
 * @throws Problem `request_not_found`; `invalid_request` if several organizations have an event with that id
 */
export async function inspectRequest(deps: ManagementDeps, inspection: Inspection) {
  const { operator, requestId, organizationId, range } = inspection
  const where = chooseRange(requestId, range, deps.now())
  const place = { requestId, where, organizationId }
  const [found, auditRows, deliveries] = await Promise.all([
    findEvents(deps, place),
    mayRead(operator, 'platform:audit:read') ? listAuditRows(deps.db, place) : [],
    mayRead(operator, 'platform:webhooks:write') ? listDeliveries(deps.db, place) : [],
  ])
  requireOneOrganization(found)
  const [event] = found
  if (!event && auditRows.length + deliveries.length === 0) throw notFound(deps, requestId, where)
  const [events, now] = event ? await readAround(deps, event, requestId) : [[], undefined]
  return { requestId, event, events, now, auditRows, deliveries }
}

function readAround(deps: ManagementDeps, event: TracedEvent, requestId: string) {
  const { request, completes } = event.trace ?? {}
  const names = [requestId, event.id, request, completes].filter((name) => name !== undefined)
  return Promise.all([
    listRelatedEvents(deps, event, names),
    findKeyNow(deps.db, event.organization_id, event.key_id, new Date(deps.now())),
  ])
}

function requireOneOrganization(found: readonly TracedEvent[]): void {
  if (new Set(found.map((event) => event.organization_id)).size < 2) return
  const message = 'is needed: several organizations have an event of this id'
  throw new Problem('invalid_request', { errors: [{ path: 'query.organization_id', message }] })
}

/** Explains the searched range, and which requests are stored at all. */
function notFound({ config }: ManagementDeps, requestId: string, { from, to }: TimeRange): Problem {
  const days = config.USAGE_RETENTION_DAYS
  const kept = `Requests are kept for ${days} days; one whose key was not found leaves nothing.`
  const span = `from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`
  const isTimed = readTime(requestId) !== undefined
  const looked = isTimed
    ? `It was looked for ${span}.`
    : `The id tells no time: it was looked for ${span}; say from and to.`
  return new Problem('request_not_found', { detail: `${kept} ${looked}` })
}
