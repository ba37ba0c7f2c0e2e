/** Limits and prices of custom meters, as administrators set them on plans and organizations. */
import { isCustom, isReservedName, toSlug } from '../db/schema/meter-names.ts'
import { ALL_METERS, GAUGES } from '../db/schema/meters.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import type { ManagementDeps } from '../deps.ts'
import { type FieldError } from '../field-errors.ts'
import { describeUnknown, quoteName } from '../lib/unknown-fields.ts'
import { type DefinedMeter, readMeters } from '../limits/meters/catalog.ts'
import { readScaled } from '../limits/meters/quantities.ts'
import { Problem } from '../problems.ts'

/** A setting of a meter: its limit, or null if there are no decimals to check. */
type Setting = readonly [slug: string, limit: number | null]

interface SettingCheck {
  /** The path of the field whose keys are the slugs. */
  readonly path: string
  readonly settings: readonly Setting[]
  /** The field of a setting that contains the limit, if the setting is not the limit itself. */
  readonly field?: string
  /** True if gauges cannot have the setting. */
  readonly isForCounters?: boolean
}

/**
 * Requires that every named custom meter exists, and that its limit has no more decimals than the meter.
 *
 * @throws Problem `invalid_request` naming each field
 */
export async function requireMeters(deps: ManagementDeps, checks: readonly SettingCheck[]): Promise<void> {
  if (checks.every(({ settings }) => settings.length === 0)) return
  const meters = await readMeters(deps.sql)
  const errors = checks.flatMap(({ settings, ...check }) =>
    settings.flatMap((setting) => findFlaw(meters, setting, check)),
  )
  if (errors.length > 0) throw new Problem('invalid_request', { errors: errors.slice(0, 10) })
}

function findFlaw(
  meters: Readonly<Record<string, DefinedMeter>>,
  [slug, limit]: Setting,
  { path, field, isForCounters }: Omit<SettingCheck, 'settings'>,
): FieldError[] {
  const at = `${path}.${quoteName(slug)}`
  const meter = Object.hasOwn(meters, slug) ? meters[slug] : undefined
  const isGauge = meter?.kind === 'gauge' || (GAUGES as readonly string[]).includes(slug)
  if (isForCounters && isGauge) return [{ path: at, message: 'is a gauge, which costs nothing extra' }]
  if (!meter) return [{ path: at, message: describeUnknown(slug, [...ALL_METERS, ...Object.keys(meters)], 'meter') }]
  const read = limit === null ? 0 : readScaled(limit, meter.scale)
  return typeof read === 'string' ? [{ path: field ? `${at}.${field}` : at, message: read }] : []
}

/** The slugs of the custom meters that named limits count. */
export const countedBy = (limits: readonly NamedLimit[]) =>
  limits.flatMap(({ meter }) => (meter !== undefined && isCustom(meter) ? [toSlug(meter)] : []))

/** Selects the custom meters from names of meters. */
export const selectCustom = (names: Iterable<string>) => [...names].filter((name) => !isReservedName(name))
