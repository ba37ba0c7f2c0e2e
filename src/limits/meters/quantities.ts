/** Amounts and limits of custom meters. No I/O, no clock. */
import { type CustomMeterName, type MeterName, toMeterName, toSlug } from '../../db/schema/meter-names.ts'
import { isBuiltIn } from '../../db/schema/meters.ts'
import type { LimitOverrides, MeterLimit, PlanLimits } from '../../db/schema/shapes.ts'
import { roundToUnits } from '../../lib/decimal.ts'
import { describeUnknown } from '../../lib/unknown-fields.ts'
import type { CustomMeter } from './custom.ts'

/** A limit of a custom meter, as it is stored, in whole units. */
export const toScaledUnits = (amount: number, scale: number) => Math.ceil(roundNoise(amount * 10 ** scale))

export const fromScaledUnits = (units: number, scale: number) => units / 10 ** scale

/** The maximum units of one request: sums of many are then still exact. */
const MAX_UNITS = 1_000_000_000_000
const describeMost = (scale: number) => `must be at most ${MAX_UNITS / 10 ** scale}`

/** Removes floating-point noise from a product with a power of ten. */
function roundNoise(units: number): number {
  const nearest = Math.round(units)
  return Math.abs(units - nearest) <= units * 4 * Number.EPSILON ? nearest : units
}

/**
 * An amount of use, in whole units: rounded half up, as in the database, so that every counter and every sum has the
 * same figure. The rounding is of the decimal text, because 1.005 as a float is below its half.
 */
export const roundScaled = (amount: number, scale: number) => Number(roundToUnits(String(amount), scale) ?? 0n)

/** The whole units of a limit, or what is wrong with it. Nobody expects another limit than the one that was set. */
export function readScaled(amount: number, scale: number): number | string {
  const counted = roundNoise(amount * 10 ** scale)
  if (counted > MAX_UNITS) return describeMost(scale)
  if (Number.isInteger(counted)) return counted
  return scale === 0 ? 'must be a whole number' : `must have at most ${scale} ${scale === 1 ? 'decimal' : 'decimals'}`
}

/** An invalid amount of a meter. */
export interface QuantityFlaw {
  readonly slug: string
  readonly message: string
  /** Whether the meter is unknown. */
  readonly isUnknown: boolean
}

type Kinds = Readonly<Record<string, Pick<CustomMeter, 'kind' | 'scale'>>>

/** Amounts of custom meters in whole units, rounded, or the first flaw. */
export function readQuantities(
  quantities: Readonly<Record<string, number>>,
  meters: Kinds,
): readonly (readonly [CustomMeterName, number])[] | QuantityFlaw {
  const read: [CustomMeterName, number][] = []
  for (const [slug, amount] of Object.entries(quantities)) {
    const meter = Object.hasOwn(meters, slug) ? meters[slug] : undefined
    if (isBuiltIn(slug)) return { slug, message: 'is built in: it has a field of its own', isUnknown: false }
    if (!meter) return { slug, message: describeUnknown(slug, Object.keys(meters), 'meter'), isUnknown: true }
    const counted = roundScaled(amount, meter.scale)
    if (counted > MAX_UNITS) return { slug, message: describeMost(meter.scale), isUnknown: false }
    read.push([toMeterName(slug), counted])
  }
  return read
}

/** Rounds amounts to the decimals of their meters. Those of unknown meters stay as they are. */
export const roundQuantities = (quantities: Readonly<Record<string, number>>, meters: Kinds): Record<string, number> =>
  Object.fromEntries(
    Object.entries(quantities).map(([slug, amount]) => {
      const scale = Object.hasOwn(meters, slug) ? meters[slug]?.scale : undefined
      return [slug, scale === undefined ? amount : fromScaledUnits(roundScaled(amount, scale), scale)]
    }),
  )

/** A plan's entry for a meter. */
export const findPlanned = ({ limits }: { readonly limits: PlanLimits }, meter: MeterName): MeterLimit | undefined =>
  (limits.meters as Readonly<Record<string, MeterLimit | undefined>>)[toSlug(meter)]

/** An organization's limit of a meter: its own, else its plan's; `null` for none. In display units. */
export function limitOf(limits: PlanLimits, overrides: LimitOverrides, meter: MeterName): number | null {
  const slug = toSlug(meter)
  return (
    ((overrides as Readonly<Record<string, unknown>>)[slug] as number | undefined) ??
    findPlanned({ limits }, meter)?.limit ??
    null
  )
}
