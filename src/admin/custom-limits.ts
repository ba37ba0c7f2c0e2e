/** Limits and prices of custom meters, as administrators set them on plans and organizations. */
import { sql } from 'drizzle-orm'
import { requireThat } from '../db/batch.ts'
import { lockMeters } from '../db/locks.ts'
import type { Database } from '../db/orm.ts'
import { isReservedName } from '../db/schema/meter-names.ts'
import { ALL_METERS, GAUGES } from '../db/schema/meters.ts'
import type { ManagementDeps } from '../deps.ts'
import { type FieldError } from '../field-errors.ts'
import { describeUnknown, quoteName } from '../lib/unknown-fields.ts'
import { type DefinedMeter, readMeters } from '../limits/meter-catalogue.ts'
import { readScaled } from '../limits/quantities.ts'
import { Problem } from '../problems.ts'

/** Something that is set for a meter: its limit, or null for whatever has no decimals to check. */
type Setting = readonly [slug: string, limit: number | null]

interface SettingCheck {
  /** The field that the slugs are in. */
  readonly path: string
  readonly settings: readonly Setting[]
  /** The part of a setting that has the limit, if it is not the setting itself. */
  readonly field?: string
  /** For settings that gauges cannot have. */
  readonly isForCounters?: boolean
}

/**
 * Requires that every custom meter that is named exists, and that its limit has no more decimals than the meter.
 *
 * @throws Problem `invalid_request` that names each field
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

/** Steps of a batch that names custom meters: none of them is deleted meanwhile. */
export function holdMeters(db: Database, slugs: readonly string[]) {
  if (slugs.length === 0) return []
  const list = sql`array(select jsonb_array_elements_text(${JSON.stringify(slugs)}::jsonb))`
  const areThere = sql`(select count(*) from meters where slug = any(${list})) = ${new Set(slugs).size}`
  return [lockMeters(db, slugs), requireThat(db, areThere, 'meter_not_found')]
}

/** The custom meters among names of meters. */
export const selectCustom = (names: Iterable<string>) => [...names].filter((name) => !isReservedName(name))
