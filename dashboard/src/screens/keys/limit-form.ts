import type { NamedLimit } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { readTypedDecimal, readTypedNumber } from '../../lib/typed-number.ts'
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
  /** Units that a request takes where it names none. Of requests alone. */
  readonly cost: string
}

export const NEW_LIMIT: LimitForm = {
  name: '',
  meter: 'requests',
  limit: '',
  span: '86400',
  isPerSubject: false,
  cost: '1',
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
  ['86400', 'any 24 hours'],
  ['604800', 'any 7 days'],
  ['2592000', 'any 30 days'],
  ['hour', 'calendar hour'],
  ['day', 'calendar day'],
  ['week', 'calendar week'],
  ['month', 'calendar month'],
]

/** The spans to choose from, with the limit's own where it is another one. */
export const spansWith = (span: string) =>
  SPANS.some(([known]) => known === span) ? SPANS : [[span, nameSpan(span)] as const, ...SPANS]

const nameSpan = (span: string): string =>
  SPANS.find(([known]) => known === span)?.[1] ?? `any ${formatNumber(Number(span))} seconds`

/** In a sentence; `in any…` is a rolling window, `per …` a calendar period. */
const describeSpan = (span: string) => (isPeriod(span) ? `per ${span}` : `in ${nameSpan(span)}`)

const isPeriod = (span: string): span is Period => ['hour', 'day', 'week', 'month'].includes(span)

export const isCount = (text: string): boolean => /^0*[1-9]\d*$/.test(text.trim())
const isMoney = (text: string): boolean => /^\d+(\.\d{1,9})?$/.test(text) && Number(text) > 0

/** An amount as a person types it: the API writes dollars with all their decimals, such as `500.000000`. */
const writeAmount = (amount: number | string) =>
  typeof amount === 'number' ? String(amount) : amount.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')

export const toLimitForm = ({ name, meter = 'requests', limit, cost = 1, per, ...span }: NamedLimit): LimitForm => ({
  name,
  meter,
  limit: writeAmount(limit),
  span: span.period ?? String(span.window_seconds),
  isPerSubject: per === 'subject',
  cost: String(cost),
})

/** @returns undefined if one of them is not complete */
export function toLimits(limits: readonly LimitForm[]): NamedLimit[] | undefined {
  return limits.every(isComplete) ? limits.map(toLimit) : undefined
}

const isComplete = ({ name, meter, limit, cost }: LimitForm) =>
  name.trim() !== '' &&
  (meter === 'cost_usd' || !(meter in METER_NAMES)
    ? isMoney(readTypedDecimal(limit))
    : isCount(readTypedDecimal(limit))) &&
  (meter !== 'requests' || /^\d+$/.test(cost.trim()))

/** A limit of a key or of an organization. */
type TypedLimit = Omit<NamedLimit, 'per'> & { readonly per?: 'subject' }

/** What is not complete is sent as it is typed, for the server to refuse it. */
export function toLimit({ name, meter, limit, span, isPerSubject, cost }: LimitForm): TypedLimit {
  return {
    name: name.trim(),
    limit: meter === 'cost_usd' ? readTypedDecimal(limit) : (readTypedNumber(limit) ?? ''),
    ...(isPeriod(span) ? { period: span } : { window_seconds: Number(span) }),
    ...(isPerSubject && { per: 'subject' as const }),
    ...(meter === 'requests' ? { cost: readTypedNumber(cost) as number } : { meter }),
  }
}

/** A limit in words, such as `1,000 tokens in any minute, per subject`. */
export function describeLimit(limit: NamedLimit, own: OwnMeters): string {
  const { meter, span, isPerSubject, cost } = toLimitForm(limit)
  const taken = meter === 'requests' && cost !== '1' ? `, ${cost} per request` : ''
  return `${describeUnits(meter, limit.limit, own)} ${describeSpan(span)}${isPerSubject ? ', per subject' : ''}${taken}`
}

function describeUnits(meter: LimitMeter, limit: NamedLimit['limit'], own: OwnMeters): string {
  if (own[meter] || (meter === 'cost_usd' && isMoney(String(limit)))) return describeAmount(meter, limit, own)
  return `${typeof limit === 'number' ? formatNumber(limit) : limit} ${METER_NAMES[meter] ?? meter}`
}
