import { isCustom, toSlug } from '../db/schema/meter-names.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import { LIMIT_METERS } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { type FieldError } from '../field-errors.ts'
import { describeUnknown } from '../lib/unknown-fields.ts'
import { findMeters, type MeterCatalog } from '../limits/meters/catalog.ts'
import { readScaled } from '../limits/meters/quantities.ts'
import { Problem } from '../problems.ts'

/**
 * Requires that every custom meter named by limits is an existing counter, and adds its decimals to each limit.
 *
 * @param path the field that contains the limits
 * @throws Problem `invalid_request` that names each field
 */
export async function resolveLimits<Limits extends readonly NamedLimit[] | undefined>(
  deps: Pick<Deps, 'sql' | 'now'>,
  limits: Limits,
  path = 'body.limits',
): Promise<Limits> {
  const slugs = (limits ?? []).flatMap(({ meter }) => (meter !== undefined && isCustom(meter) ? [toSlug(meter)] : []))
  if (!limits || slugs.length === 0) return limits
  const meters = await findMeters(deps as Deps, slugs)
  const errors = limits.flatMap((limit, at) => findFlaw(limit, meters, `${path}.${at}`))
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
  return limits.map((limit) => withScale(limit, meters)) as unknown as Limits
}

const findMeter = ({ meter }: NamedLimit, meters: MeterCatalog) =>
  meter !== undefined && isCustom(meter) && Object.hasOwn(meters, toSlug(meter)) ? meters[toSlug(meter)] : undefined

function findFlaw(limit: NamedLimit, meters: MeterCatalog, path: string): FieldError[] {
  if (limit.meter === undefined || !isCustom(limit.meter)) return []
  const meter = findMeter(limit, meters)
  if (!meter) {
    const known = [...LIMIT_METERS, ...Object.keys(meters)]
    return [{ path: `${path}.meter`, message: describeUnknown(toSlug(limit.meter), known, 'meter') }]
  }
  if (meter.kind === 'gauge') return [{ path: `${path}.meter`, message: 'is a gauge, of which nothing is used up' }]
  const read = readScaled(limit.limit, meter.scale)
  return typeof read === 'string' ? [{ path: `${path}.limit`, message: read }] : []
}

function withScale(limit: NamedLimit, meters: MeterCatalog): NamedLimit {
  const meter = findMeter(limit, meters)
  return meter ? Object.assign({ scale: meter.scale }, limit) : limit
}
