import type { OveragePrice } from '../../api/types.ts'
import { readTypedDecimal, readTypedNumber } from '../../lib/typed-number.ts'
import { lines } from './price-lines.ts'

/** What the providers call it, each on a line of its own: `stripe_price_id=price_1`. */
const NAMES = ['polar_event', 'stripe_meter', 'stripe_price_id'] as const

/** A price above a limit as lines: its tiers, each with the last unit or `rest`, then what the providers call it. */
export const writeOverage = (price: OveragePrice | undefined): string =>
  price
    ? [
        ...price.tiers.map(({ up_to, unit_price_usd }) => `${up_to ?? 'rest'} ${unit_price_usd}`),
        ...NAMES.flatMap((name) => (price[name] === undefined ? [] : [`${name}=${price[name]}`])),
      ].join('\n')
    : ''

/** What is no tier and no name is sent as it is typed, for the server to say what is wrong with it. */
export function readOverage(text: string): OveragePrice {
  const all = lines(text).map((line) => line.trim())
  const named = all.flatMap((line) => NAMES.flatMap((name) => readName(line, name)))
  const tiers = all.filter((line) => !NAMES.some((name) => readName(line, name).length > 0))
  return { tiers: tiers.map(readTier), ...Object.fromEntries(named) }
}

const readName = (line: string, name: string) =>
  line.startsWith(`${name}=`) ? [[name, line.slice(name.length + 1).trim()] as const] : []

function readTier(line: string): OveragePrice['tiers'][number] {
  const [upTo = '', price = ''] = line.split(/\s+/)
  return { up_to: upTo === 'rest' ? null : readTypedNumber(upTo), unit_price_usd: readTypedDecimal(price) }
}
