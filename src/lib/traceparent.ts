/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context-1/#traceparent-header): version, trace id, parent id and flags. A
 * later version may add fields behind a dash.
 */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/** @returns the trace id; undefined for an invalid `traceparent`, which then counts as absent */
export function parseTraceparent(value: string | null | undefined): string | undefined {
  if (!value) return undefined
  const [, traceId, rest] = TRACEPARENT.exec(value) ?? []
  const isLong = rest !== undefined && value.startsWith('00')
  return isLong ? undefined : traceId
}

/** The log field that links to the caller's trace; none without a valid `traceparent`. */
export function traceFields(headers: Headers): { readonly trace_id?: string } {
  const traceId = parseTraceparent(headers.get('traceparent'))
  return traceId === undefined ? {} : { trace_id: traceId }
}
