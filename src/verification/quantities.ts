import { type CustomMeterName, toSlug } from '../db/schema/meter-names.ts'
import { type QuantityFlaw, readQuantities } from '../limits/meters/quantities.ts'
import type { VerifyRequest } from './input.ts'
import { customQuota, type KeyRecord, type MeterQuota } from './key-record.ts'

/**
 * The record with the request's amounts of custom meters, or the first flaw in it. A request without quantities gets the
 * record itself.
 */
export function withQuantities(record: KeyRecord, { quantities, cost }: VerifyRequest): KeyRecord | QuantityFlaw {
  if (quantities === undefined) return record
  const read = readQuantities(quantities, record.customMeters)
  if ('slug' in read) return read
  for (const [meter, amount] of read) {
    const message = findFlaw(record, meter, amount > 0 && cost === 0)
    if (message !== undefined) return { slug: toSlug(meter), message, isUnknown: false }
  }
  return addAmounts(record, read)
}

/** @param takesNothing whether an amount comes with `cost` 0 */
function findFlaw({ customMeters }: KeyRecord, meter: CustomMeterName, takesNothing: boolean): string | undefined {
  if (customMeters[toSlug(meter)]?.kind === 'gauge') return 'is a gauge: report its reading in a usage event'
  return takesNothing ? 'must not come with `cost` 0, which takes nothing' : undefined
}

/** Meters that refuse are in the record. The others, without a limit or with one that allows more, are only counted. */
function addAmounts(record: KeyRecord, read: readonly (readonly [CustomMeterName, number])[]): KeyRecord {
  const amounts = new Map<string, number>(read)
  const known = record.meters.map((quota) => withAmount(quota, amounts.get(quota.meter)))
  const others = read.filter(([meter]) => !known.some((quota) => quota.meter === meter))
  const added = others.map(([meter, amount]) => {
    const slug = toSlug(meter)
    return withAmount(customQuota(slug, record.customMeters[slug]?.scale ?? 0, record), amount)
  })
  return { ...record, meters: [...known, ...added] }
}

const withAmount = (quota: MeterQuota, amount: number | undefined): MeterQuota =>
  amount === undefined ? quota : { ...quota, amount }
