import type * as z from 'zod'
import { toAuditLog } from '../../audit/audit-log.ts'
import { toFamily } from '../../db/plan-version.ts'
import { dateToIso } from '../../lib/iso.ts'
import type { VerdictTrace } from '../../metering/event.ts'
import { STATUS_BY_CODE } from '../../verification/rules.ts'
import type { Inspected } from './inspect.ts'
import type { TracedEvent } from './queries.ts'
import { explainVerdict, readCode } from './rules.ts'
import type { InspectedRequest } from './schemas.ts'

type Answer = z.output<typeof InspectedRequest>
type Now = Inspected['now']

/** Serializes a request. */
export function toInspectedRequest(inspected: Inspected): Answer {
  const { requestId, event, events, now, auditRows, deliveries } = inspected
  return {
    request_id: requestId,
    occurred_at: event?.occurred_at ?? null,
    organization: toOrganization(now),
    key: toKey(now),
    ...toDecision([...(event ? [event] : []), ...events].find(isVerification), now),
    usage_events: events.map(toStoredEvent),
    audit_logs: auditRows.map(toAuditLog),
    deliveries: deliveries.map(toDelivery),
  }
}

function toDelivery(row: Inspected['deliveries'][number]): Answer['deliveries'][number] {
  return {
    id: row.id,
    organization_id: row.organizationId,
    endpoint_id: row.endpointId,
    event_id: row.eventId,
    type: row.type,
    state: row.state,
    attempts: row.attempts,
    status_code: row.lastStatusCode,
    created_at: row.createdAt.toISOString(),
  }
}

function toStoredEvent({ organization_id: _organization, trace: _trace, ...event }: TracedEvent) {
  return event
}

function toOrganization(now: Now): Answer['organization'] {
  if (!now) return null
  const { id, name, planId, suspendedAt } = now.organization
  return { id, name, plan: toFamily(planId), suspended_at: dateToIso(suspendedAt) }
}

function toKey(now: Now): Answer['key'] {
  if (!now?.key) return null
  const { keyHint, allowedIps, expiresAt, revokedAt, version: _version, ...key } = now.key
  return {
    ...key,
    key_hint: keyHint,
    allowed_ips: allowedIps,
    expires_at: dateToIso(expiresAt),
    revoked_at: dateToIso(revokedAt),
  }
}

type Decision = Pick<Answer, 'verdict' | 'decided_from' | 'counters'>

/** Only an event of a verification has a verdict; reported events have none. */
function toDecision(event: Verification | undefined, now: Now): Decision {
  if (!event) return { verdict: null, decided_from: null, counters: null }
  const { trace } = event
  return { verdict: toVerdict(event, trace), decided_from: toBasis(trace, now), counters: toCounters(trace) }
}

type Verification = TracedEvent & { readonly trace: VerdictTrace }

const isVerification = (event: TracedEvent): event is Verification => event.trace?.versions !== undefined

function toVerdict({ error_code, ip }: TracedEvent, trace: VerdictTrace): Answer['verdict'] {
  const code = readCode(error_code)
  return {
    valid: code === 'VALID',
    code,
    status: STATUS_BY_CODE[code],
    explanation: explainVerdict({ code, trace, ip }),
    refused_by: trace.refused_by ?? null,
    never_fits: trace.never_fits ?? false,
  }
}

function toBasis({ plan, versions, cost = 1, missing = [], service, alone }: VerdictTrace, now: Now) {
  const [key_version, organization_version] = versions
  return {
    plan,
    cost,
    missing_scopes: [...missing],
    service_key_id: service ?? null,
    key_version,
    organization_version,
    key_changed_since: now?.key?.version !== key_version,
    organization_changed_since: now?.organization.version !== organization_version,
    without_redis: alone ?? false,
  }
}

function toCounters({ windows, quotas }: VerdictTrace): Answer['counters'] {
  if (!windows || !quotas) return null
  return {
    windows: mapValues(windows, ([limit, remaining, resets_at]) => ({ limit, remaining, resets_at })),
    quotas: mapValues(quotas, ([limit, used, held]) => ({ limit, used, held })),
  }
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}
