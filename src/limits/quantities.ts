/** Amounts and limits of custom meters. No I/O, no clock. */
import { type CustomMeterName, type MeterName, toMeterName, toSlug } from '../db/schema/meter-names.ts'
import { isBuiltIn } from '../db/schema/meters.ts'
import type { LimitOverrides, MeterLimit, PlanLimits } from '../db/schema/shapes.ts'
import { describeUnknown } from '../lib/unknown-fields.ts'
import type { CustomMeter } from './custom-meters.ts'

/** A limit of a custom meter, as it is stored, in whole units. */
export const toScaledUnits = (amount: number, scale: number) => Math.ceil(roundNoise(amount * 10 ** scale))

export const fromScaledUnits = (units: number, scale: number) => units / 10 ** scale

/** The most units of one request: sums of many then still are exact. */
const MAX_UNITS = 1_000_000_000_000

/** Takes out what floats add to a product with a power of ten. */
function roundNoise(units: number): number {
  const nearest = Math.round(units)
  return Math.abs(units - nearest) <= units * 4 * Number.EPSILON ? nearest : units
}

/** The whole units of an amount, or what is wrong with it. */
export function readScaled(amount: number, scale: number): number | string {
  const counted = roundNoise(amount * 10 ** scale)
  if (counted > MAX_UNITS) return `must be at most ${MAX_UNITS / 10 ** scale}`
  if (Number.isInteger(counted)) return counted
  return scale === 0 ? 'must be a whole number' : `must have at most ${scale} ${scale === 1 ? 'decimal' : 'decimals'}`
}

/** Something wrong with the amount of a meter. */
export interface QuantityFlaw {
  readonly slug: string
  readonly message: string
  /** Whether there is no such meter, as far as is known. */
  readonly isUnknown: boolean
}

type Kinds = Readonly<Record<string, Pick<CustomMeter, 'kind' | 'scale'>>>

/** Amounts of custom meters in whole units, or the first flaw. */
export function readQuantities(
  quantities: Readonly<Record<string, number>>,
  meters: Kinds,
): readonly (readonly [CustomMeterName, number])[] | QuantityFlaw {
  const read: [CustomMeterName, number][] = []
  for (const [slug, amount] of Object.entries(quantities)) {
    const meter = Object.hasOwn(meters, slug) ? meters[slug] : undefined
    if (isBuiltIn(slug)) return { slug, message: 'is built in: it has a field of its own', isUnknown: false }
    if (!meter) return { slug, message: describeUnknown(slug, Object.keys(meters), 'meter'), isUnknown: true }
    const counted = readScaled(amount, meter.scale)
    if (typeof counted === 'string') return { slug, message: counted, isUnknown: false }
    read.push([toMeterName(slug), counted])
  }
  return read
}

/** What a plan says of a meter. */
export const findPlanned = ({ limits }: { readonly limits: PlanLimits }, meter: MeterName): MeterLimit | undefined =>
  (limits.meters as Readonly<Record<string, MeterLimit | undefined>>)[toSlug(meter)]

/** An organization's limit of a meter: its own, else its plan's; `null` for none. In the units that people read. */
export function limitOf(limits: PlanLimits, overrides: LimitOverrides, meter: MeterName): number | null {
  const slug = toSlug(meter)
  return (
    (overrides as Readonly<Record<string, number | undefined>>)[slug] ?? findPlanned({ limits }, meter)?.limit ?? null
  )
}
