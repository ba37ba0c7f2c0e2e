import { HEADER_FIELDS } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import type { Call } from './call.ts'
import { recordUse } from './llm/account.ts'
import { describeEndpoint } from './match.ts'

const TEXTS = new Set(['provider', 'model', 'cost_usd'])

/** Records what an answer's headers say of its use, after the answer. */
export function reportHeaders(deps: Deps, call: Call, { headers, status }: Response): void {
  const { request, requestId, match, record, elapsedMs } = call
  const { meter } = match.route
  if (typeof meter !== 'object' || !record) return
  const told = HEADER_FIELDS.flatMap((field) => {
    const name = meter.from_header[field]
    const value = (name && headers.get(name)?.trim()) || undefined
    return value === undefined ? [] : [[field, TEXTS.has(field) ? value : Number(value)] as const]
  })
  if (told.length === 0) return call.end(status)
  call.release()
  const facts = {
    request_id: requestId,
    key_id: record.keyId,
    endpoint: describeEndpoint(match),
    method: request.method,
  }
  const used = { ...Object.fromEntries(told), status_code: status, response_time_ms: elapsedMs() }
  deps.defer(recordUse(deps, facts, {}, used))
}
