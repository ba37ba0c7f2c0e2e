import { HEADER_FIELDS } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { logRepeated } from '../lib/log.ts'
import type { Call } from './call.ts'
import { recordUse } from './llm/account.ts'
import { describeEndpoint } from './match.ts'
import type { Route } from './route.ts'

const TEXTS = new Set<string>(['provider', 'model'])
/** An amount, as a report takes it: no sign, no thousands. */
const AMOUNT = /^\d{1,15}(\.\d{1,12})?$/

/** Records what an answer's headers say of its use, after the answer. */
export function reportHeaders(deps: Deps, call: Call, { headers, status }: Response): void {
  const { request, requestId, match, record, elapsedMs } = call
  if (!record) return
  const told = readHeaders(match.route, headers)
  if (Object.keys(told).length === 0) return call.end(status)
  call.release()
  const facts = {
    request_id: requestId,
    key_id: record.keyId,
    endpoint: describeEndpoint(match),
    method: request.method,
  }
  const used = { ...told, status_code: status, response_time_ms: elapsedMs() }
  deps.defer(recordUse(deps, facts, {}, used))
}

/** What cannot be read is logged, and keeps nothing else from counting. */
function readHeaders({ slug, meter }: Route, headers: Headers) {
  if (typeof meter !== 'object') return {}
  const { quantities: custom = {}, ...names } = meter.from_header
  const read = (field: string, name: string | undefined): (readonly [string, string | number])[] => {
    const value = (name && headers.get(name)?.trim()) || undefined
    if (value === undefined) return []
    if (TEXTS.has(field)) return [[field, value]]
    // money keeps its digits as text
    if (AMOUNT.test(value)) return [[field, field === 'cost_usd' ? value : Number(value)]]
    logRepeated('warn', 'gateway_header_unreadable', { route: slug, field, header: name })
    return []
  }
  const own = Object.fromEntries(Object.entries(custom).flatMap(([meterSlug, name]) => read(meterSlug, name)))
  return {
    ...Object.fromEntries(HEADER_FIELDS.flatMap((field) => read(field, names[field]))),
    ...(Object.keys(own).length > 0 && { quantities: own }),
  }
}
