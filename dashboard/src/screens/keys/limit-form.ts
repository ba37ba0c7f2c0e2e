import type { NamedLimit } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { describeAmount, isSameWord, type OwnMeters } from '../usage/meters.ts'

type LimitMeter = NonNullable<NamedLimit['meter']>
type Period = NonNullable<NamedLimit['period']>

/** A limit as it is typed. */
export interface LimitForm {
  readonly name: string
  readonly meter: LimitMeter
  readonly limit: string
  /** Seconds of a window, or a calendar period. */
  readonly span: string
  readonly isPerSubject: boolean
  /** Units that a request takes; kept as it is. */
  readonly cost: number
}

export const NEW_LIMIT: LimitForm = {
  name: '',
  meter: 'requests',
  limit: '',
  span: '86400',
  isPerSubject: false,
  cost: 1,
}

const METER_NAMES: Readonly<Record<string, string>> = {
  requests: 'requests',
  api_calls: 'API calls',
  queries: 'queries',
  tokens: 'tokens',
  input_tokens: 'input tokens',
  output_tokens: 'output tokens',
  cost_usd: 'US dollars',
}

/** The meters to choose from: the built-in ones, the operator's counters, and the limit's own where it is no more among them. */
export function metersWith(meter: LimitMeter, own: OwnMeters): readonly (readonly [meter: string, name: string])[] {
  const counters = Object.entries(own).filter(([, { kind }]) => kind === 'counter')
  const named = counters.map(
    ([slug, { name, unit }]) => [slug, isSameWord(name, unit) ? name : `${name} (${unit})`] as const,
  )
  const known = [...Object.entries(METER_NAMES), ...named]
  return known.some(([slug]) => slug === meter) ? known : [[meter, meter], ...known]
}

const SPANS: readonly (readonly [span: string, name: string])[] = [
  ['60', 'any minute'],
  ['3600', 'any hour'],
  ['86400', 'any day'],
  ['604800', 'any week'],
  ['2592000', 'any 30 days'],
  ['hour', 'each hour'],
  ['day', 'each day'],
  ['week', 'each week'],
  ['month', 'each month'],
]

/** The spans to choose from, with the limit's own where it is another one. */
export const spansWith = (span: string) =>
  SPANS.some(([known]) => known === span) ? SPANS : [[span, nameSpan(span)] as const, ...SPANS]

const nameSpan = (span: string): string =>
  SPANS.find(([known]) => known === span)?.[1] ?? `any ${formatNumber(Number(span))} seconds`

const isPeriod = (span: string): span is Period => ['hour', 'day', 'week', 'month'].includes(span)

export const isCount = (text: string): boolean => /^0*[1-9]\d*$/.test(text.trim())
const isMoney = (text: string): boolean => /^\d+(\.\d{1,9})?$/.test(text.trim()) && Number(text) > 0

export const toLimitForm = ({ name, meter = 'requests', limit, cost = 1, per, ...span }: NamedLimit): LimitForm => ({
  name,
  meter,
  limit: String(limit),
  span: span.period ?? String(span.window_seconds),
  isPerSubject: per === 'subject',
  cost,
})

/** @returns undefined if one of them is not complete */
export function toLimits(limits: readonly LimitForm[]): NamedLimit[] | undefined {
  return limits.every(isComplete) ? limits.map(toLimit) : undefined
}

const isComplete = ({ name, meter, limit }: LimitForm) =>
  name.trim() !== '' && (meter === 'cost_usd' || !(meter in METER_NAMES) ? isMoney(limit) : isCount(limit))

function toLimit({ name, meter, limit, span, isPerSubject, cost }: LimitForm): NamedLimit {
  return {
    name: name.trim(),
    limit: meter === 'cost_usd' ? limit.trim() : Number(limit),
    ...(isPeriod(span) ? { period: span } : { window_seconds: Number(span) }),
    ...(isPerSubject && { per: 'subject' as const }),
    ...(meter === 'requests' ? { cost } : { meter }),
  }
}

/** A limit in words, such as `1,000 tokens in any minute, each subject`. */
export function describeLimit(limit: NamedLimit, own: OwnMeters): string {
  const { meter, span, isPerSubject } = toLimitForm(limit)
  const amount = typeof limit.limit === 'number' ? formatNumber(limit.limit) : limit.limit
  const units = own[meter] ? describeAmount(meter, limit.limit, own) : `${amount} ${METER_NAMES[meter] ?? meter}`
  return `${units} in ${nameSpan(span)}${isPerSubject ? ', each subject' : ''}`
}
