import { asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { meters } from '../../db/schema/custom-meters.ts'
import { MAX_CUSTOM_METERS, toMeterName } from '../../db/schema/meter-names.ts'

export type MeterRow = typeof meters.$inferSelect

/** Built-in meters first. */
export const listMeterRows = (db: Database) =>
  db.select().from(meters).orderBy(desc(meters.isBuiltin), asc(meters.createdAt), asc(meters.slug))

export async function findMeterRow(db: Database, slug: string): Promise<MeterRow | undefined> {
  const [row] = await db.select().from(meters).where(eq(meters.slug, slug))
  return row
}

export const hasRoom = (): SQL => sql`(select count(*) from meters where not is_builtin) < ${MAX_CUSTOM_METERS}`

/** Violates `meters_pkey` if the slug is taken. */
export const insertMeter = (db: Database, row: MeterRow) => db.insert(meters).values(row)

export const isCustomMeter = (slug: string): SQL =>
  sql`exists (select from meters where slug = ${slug} and not is_builtin)`

export function updateMeter(
  db: Database,
  slug: string,
  changes: { name?: string | undefined; unit?: string | undefined; updatedAt: Date },
) {
  return db.update(meters).set(changes).where(eq(meters.slug, slug)).returning()
}

/** JSON that a list of named limits contains if one of them counts the meter. */
const limitOn = (slug: string) => JSON.stringify([{ meter: toMeterName(slug) }])

const alertOn = (slug: string) => JSON.stringify([{ meter: slug }])

/** Whether no limit, price, route, alert, usage or reading refers to the meter. */
export const isUnusedMeter = (slug: string): SQL => sql`not (
  exists (select from plans p where p.limits->'meters' ? ${slug} or p.overage ? ${slug}
    or exists (select from jsonb_array_elements(p.addons) as addon where addon->'limits'->'meters' ? ${slug}))
  or exists (select from plans p where p.limits->'key_limits' @> ${limitOn(slug)}::jsonb
    or p.limits->'organization_limits' @> ${limitOn(slug)}::jsonb)
  or exists (select from api_keys k where k.limits @> ${limitOn(slug)}::jsonb)
  or exists (select from organizations o where o.limit_overrides ? ${slug}
    or o.limit_overrides->'organization_limits' @> ${limitOn(slug)}::jsonb or o.alert_amounts @> ${alertOn(slug)}::jsonb)
  or exists (select from gateway_routes r where r.meter->'from_header'->'quantities' ? ${slug})
  or exists (select from usage_meter_periods u where u.meter = ${slug})
  or exists (select from usage_gauges g where g.meter = ${slug}))`

export const deleteMeterRow = (db: Database, slug: string) => db.delete(meters).where(eq(meters.slug, slug))
