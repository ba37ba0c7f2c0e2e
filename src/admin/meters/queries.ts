import { asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { meters } from '../../db/schema/custom-meters.ts'
import { MAX_CUSTOM_METERS, toMeterName } from '../../db/schema/meter-names.ts'

export type MeterRow = typeof meters.$inferSelect

/** The built-in ones first. */
export const listMeterRows = (db: Database) =>
  db.select().from(meters).orderBy(desc(meters.isBuiltin), asc(meters.createdAt), asc(meters.slug))

export async function findMeterRow(db: Database, slug: string): Promise<MeterRow | undefined> {
  const [row] = await db.select().from(meters).where(eq(meters.slug, slug))
  return row
}

export const hasRoom = (): SQL => sql`(select count(*) from meters where not is_builtin) < ${MAX_CUSTOM_METERS}`

/** Breaks `meters_pkey` where there is one of that slug. */
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

/** A limit of a key that counts the meter, as JSON that such limits contain. */
const limitOn = (slug: string) => JSON.stringify([{ meter: toMeterName(slug) }])

/** Whether no limit, price, route, use or reading has the meter. */
export const isUnusedMeter = (slug: string): SQL => sql`not (
  exists (select from plans p where p.limits->'meters' ? ${slug} or p.overage ? ${slug}
    or exists (select from jsonb_array_elements(p.addons) as addon where addon->'limits'->'meters' ? ${slug}))
  or exists (select from plans p where p.limits->'key_limits' @> ${limitOn(slug)}::jsonb)
  or exists (select from api_keys k where k.limits @> ${limitOn(slug)}::jsonb)
  or exists (select from organizations o where o.limit_overrides ? ${slug})
  or exists (select from gateway_routes r where r.meter->'from_header'->'quantities' ? ${slug})
  or exists (select from usage_meter_periods u where u.meter = ${slug})
  or exists (select from usage_gauges g where g.meter = ${slug}))`

export const deleteMeterRow = (db: Database, slug: string) => db.delete(meters).where(eq(meters.slug, slug))
