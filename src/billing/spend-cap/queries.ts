import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { spendCaps } from '../../db/schema/credits.ts'
import { organizations } from '../../db/schema/organizations.ts'

export type CapRow = {
  readonly cost_usd: string | null
  readonly action: 'block' | 'alert' | null
  readonly used: string
}

/** The charges of the usage period of `o` that begins at `starts`. */
const USED = sql.raw(`coalesce((select u.charge_usd from usage_periods u
  where u.organization_id = o.id and u.period_start = period.starts), 0)`)

const PERIOD = (now: number) =>
  sql`cross join lateral (select usage_period_start(o.period_anchor, ${new Date(now).toISOString()}::timestamptz) as starts) period`

/** @returns undefined if there is no such organization */
export async function findCap(db: Database, organizationId: string, now: number): Promise<CapRow | undefined> {
  const { rows } = await db.execute<CapRow>(sql`
    select c.cost_usd::text, c.action, ${USED}::text as used
    from organizations o left join spend_caps c on c.organization_id = o.id ${PERIOD(now)}
    where o.id = ${organizationId}::uuid`)
  return rows[0]
}

export const upsertCap = (db: Database, organizationId: string, costUsd: string, action: 'block' | 'alert') =>
  db
    .insert(spendCaps)
    .values({ organizationId, costUsd, action })
    .onConflictDoUpdate({
      target: spendCaps.organizationId,
      set: { costUsd, action, toldPeriod: null, updatedAt: new Date() },
    })

export const deleteCap = (db: Database, organizationId: string) =>
  db.delete(spendCaps).where(eq(spendCaps.organizationId, organizationId))

/** Every isolate sees the cap with the organization's next version. */
export const raiseVersion = (db: Database, organizationId: string) =>
  db
    .update(organizations)
    .set({ version: sql`${organizations.version} + 1` })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })

export type ReachedCap = {
  readonly organization_id: string
  readonly organization: string
  readonly cost_usd: string
  readonly used: string
  readonly action: 'block' | 'alert'
  /** ISO 8601. */
  readonly period_start: string
}

/** Caps that the charges of this period reached and that nobody was told of, in an arbitrary order. */
export async function listReached(db: Database, now: number, limit: number): Promise<ReachedCap[]> {
  const { rows } = await db.execute<ReachedCap>(sql`
    select o.id as organization_id, o.name as organization, c.cost_usd::text, ${USED}::text as used, c.action,
      to_json(period.starts) #>> '{}' as period_start
    from spend_caps c join organizations o on o.id = c.organization_id ${PERIOD(now)}
    where c.told_period is distinct from period.starts and ${USED} >= c.cost_usd
    order by random() limit ${limit}::int`)
  return rows
}
