import { HEADER_FIELDS } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { amountOfUse } from '../http/usage-fields.ts'
import { logRepeated } from '../lib/log.ts'
import { findMeters } from '../limits/meters/catalog.ts'
import { readQuantities } from '../limits/meters/quantities.ts'
import { ReportedEvent } from '../usage/reporting/schemas.ts'
import { resolveTokens } from '../usage/tokens.ts'
import type { Call } from './call.ts'
import { recordUse } from './llm/account.ts'
import { describeEndpoint } from './match.ts'
import type { Route } from './route.ts'

const TEXTS = new Set<string>(['provider', 'model'])
/** A number as JSON writes it, or without a leading zero: no thousands separator, no unit. */
const NUMBER = /^-?(\d{1,30}(\.\d{0,60})?|\.\d{1,60})(e[+-]?\d{1,3})?$/i

type Field = (typeof HEADER_FIELDS)[number]
type ReportedFields = { readonly [Name in Field]?: Name extends 'provider' | 'model' ? string : string | number }
type Amounts = Readonly<Record<string, number>>

/** Records the usage that a response's headers report, after the response. */
export function reportHeaders(deps: Deps, call: Call, { headers, status }: Response): void {
  const { request, requestId, match, record, elapsedMs } = call
  if (!record) return
  const { told, own } = readHeaders(match.route, headers)
  if (Object.keys({ ...told, ...own }).length === 0) return call.end(status)
  call.release()
  const facts = {
    request_id: requestId,
    key_id: record.keyId,
    endpoint: describeEndpoint(match),
    method: request.method,
  }
  const used = { ...told, status_code: status, response_time_ms: elapsedMs() }
  deps.defer(recordTold())

  async function recordTold(): Promise<void> {
    const quantities = await selectCountable(deps, match.route, own)
    await recordUse(deps, facts, {}, { ...used, ...(Object.keys(quantities).length > 0 && { quantities }) })
  }
}

/** A report with one wrong amount is refused whole, and nobody would send it again: what cannot be counted is logged and left out. */
function readHeaders(
  { slug, meter }: Route,
  headers: Headers,
): { readonly told: ReportedFields; readonly own: Amounts } {
  if (typeof meter !== 'object') return { told: {}, own: {} }
  const { quantities: custom = {}, ...names } = meter.from_header
  const textOf = (name: string | undefined) => (name && headers.get(name)?.trim()) || undefined
  const told = HEADER_FIELDS.flatMap((field) => {
    const value = textOf(names[field])
    if (value === undefined) return []
    const read = readField(field, value)
    if (read === undefined) leaveOut(slug, field, names[field])
    return read === undefined ? [] : [[field, read] as const]
  })
  const own = Object.entries(custom).flatMap(([meterSlug, name]) => {
    const value = textOf(name)
    if (value === undefined) return []
    const { data } = amountOfUse.safeParse(NUMBER.test(value) ? Number(value) : undefined)
    if (data === undefined) leaveOut(slug, meterSlug, name)
    return data === undefined ? [] : [[meterSlug, data] as const]
  })
  return { told: selectConsistent(slug, names, Object.fromEntries(told)), own: Object.fromEntries(own) }
}

function leaveOut(route: string, field: string, header: string | undefined): void {
  logRepeated('warn', 'gateway_header_unreadable', { route, field, header })
}

/** Money stays text, to keep its digits. */
function readField(field: Field, value: string): string | number | undefined {
  if (TEXTS.has(field)) return value
  if (!NUMBER.test(value)) return undefined
  const read = field === 'cost_usd' ? value : Number(value)
  return ReportedEvent.shape[field].safeParse(read).success ? read : undefined
}

/** Without the token counts that contradict others. */
function selectConsistent(
  route: string,
  names: Readonly<Record<string, string | undefined>>,
  told: ReportedFields,
): ReportedFields {
  const tokens = resolveTokens(told as Parameters<typeof resolveTokens>[0])
  if (!('field' in tokens) || !Object.hasOwn(told, tokens.field)) return told
  leaveOut(route, tokens.field, names[tokens.field])
  return selectConsistent(route, names, { ...told, [tokens.field]: undefined })
}

/** Without amounts that their meters cannot count. While the database does not answer, the spool decides. */
async function selectCountable(deps: Deps, { slug: route, meter }: Route, own: Amounts): Promise<Amounts> {
  const slugs = Object.keys(own)
  const meters = slugs.length > 0 ? await findMeters(deps, slugs).catch(() => undefined) : undefined
  if (!meters) return own
  const flawed = slugs.filter((slug) => 'slug' in readQuantities({ [slug]: own[slug] ?? 0 }, meters))
  const names = typeof meter === 'object' ? meter.from_header.quantities : undefined
  for (const slug of flawed) leaveOut(route, slug, names?.[slug])
  return Object.fromEntries(Object.entries(own).filter(([slug]) => !flawed.includes(slug)))
}
