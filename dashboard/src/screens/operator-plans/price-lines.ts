import type { Plan, PlanAddon, PlanPrice } from '../../api/types.ts'
import { readTypedNumber } from '../../lib/typed-number.ts'

type Price = PlanPrice | PlanAddon['prices'][number]

/** How many places a currency has behind its point. */
function placesOf(currency: string): number {
  try {
    const format = new Intl.NumberFormat('en-US', { style: 'currency', currency })
    return format.resolvedOptions().maximumFractionDigits ?? 2
  } catch {
    return 2
  }
}

const writeAmount = (cents: number, currency: string) => (cents / 10 ** placesOf(currency)).toFixed(placesOf(currency))

function readAmount(text: string, currency: string): number | null {
  const amount = readTypedNumber(text)
  return typeof amount === 'number' ? Math.round(amount * 10 ** placesOf(currency)) : (text as unknown as number)
}

/** A price as a line: `month usd 19.00 seat=5.00 stripe=price_1 polar=…`; an agreed amount is `agreed`. */
export function writePrice(price: Price): string {
  const { interval, currency, amount_cents: cents } = price
  const seat = 'seat_amount_cents' in price ? price.seat_amount_cents : undefined
  return [
    interval,
    currency,
    cents === null ? 'agreed' : writeAmount(cents, currency),
    seat === undefined ? '' : `seat=${writeAmount(seat, currency)}`,
    price.stripe_price_id ? `stripe=${price.stripe_price_id}` : '',
    price.polar_product_id ? `polar=${price.polar_product_id}` : '',
  ]
    .filter(Boolean)
    .join(' ')
}

/** What is no price is sent as it is typed, for the server to say what is wrong with it. */
export function readPrice(line: string): PlanPrice {
  const [interval = '', currency = '', amount = '', ...others] = line.trim().split(/\s+/)
  const named = new Map(others.map((one) => one.split(/=(.*)/s).slice(0, 2) as [string, string]))
  const [seat, stripe, polar] = ['seat', 'stripe', 'polar'].map((name) => named.get(name))
  return {
    interval: interval as PlanPrice['interval'],
    currency,
    amount_cents: amount === 'agreed' ? null : readAmount(amount, currency),
    ...(seat !== undefined && { seat_amount_cents: readAmount(seat, currency) as number }),
    ...(stripe !== undefined && { stripe_price_id: stripe }),
    ...(polar !== undefined && { polar_product_id: polar }),
  }
}

export const lines = (text: string) => text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line]))

/** An add-on as a line with what it adds, and its prices below: `tokens_plus More tokens: tokens=1000000 seats=1`. */
export const writeAddons = (addons: Plan['addons']): string =>
  addons
    .map(({ id, name, limits, prices }) =>
      [`${id} ${name}: ${writeLimits(limits)}`, ...prices.map((one) => `  ${writePrice(one)}`)].join('\n'),
    )
    .join('\n')

function writeLimits({ meters = {}, ...others }: PlanAddon['limits']): string {
  const named = Object.entries(meters).map(
    ([name, more]) => [OTHERS.has(name) ? `meters.${name}` : name, more] as const,
  )
  return [...named, ...Object.entries(others)].map(([name, more]) => `${name}=${String(more)}`).join(' ')
}

/** What an add-on adds to beside meters. A meter of such a name has `meters.` in front. */
const OTHERS: ReadonlySet<string> = new Set(['max_api_keys', 'seats'])

export function readAddons(text: string): PlanAddon[] {
  const addons: PlanAddon[] = []
  for (const line of lines(text)) {
    const last = addons.at(-1)
    if (/^\s/.test(line) && last) addons.splice(-1, 1, { ...last, prices: [...last.prices, readPrice(line)] })
    else addons.push(readAddon(line))
  }
  return addons
}

/** The name may have colons: what it adds stands behind the last one. */
function readAddon(line: string): PlanAddon {
  const [, id = line.trim(), name = '', tail = ''] = /^\s*(\S+)\s(.*):([^:]*)$/.exec(line) ?? []
  const limits: { meters?: Record<string, number>; max_api_keys?: number; seats?: number } = {}
  for (const part of tail.split(/[\s,]+/).filter(Boolean)) {
    const [what = '', more = ''] = part.split('=')
    if (what === 'max_api_keys' || what === 'seats') limits[what] = Number(more)
    else limits.meters = { ...limits.meters, [what.replace(/^meters\./, '')]: Number(more) }
  }
  return { id, name: name.trim(), prices: [], limits }
}

/** Seats as they are typed: `5`, or `5-50` where no more than 50 are sold. */
export const writeSeats = (seats: Plan['seats']): string =>
  seats ? (seats.max === undefined ? String(seats.included) : `${seats.included}-${seats.max}`) : ''

export function readSeats(text: string): Plan['seats'] {
  if (text.trim() === '') return null
  const [included = '', max] = text.split('-')
  return { included: Number(included), ...(max !== undefined && { max: Number(max) }) }
}
