/** Conditions that several features put into batches or check on their own. */
import { type SQL, sql } from 'drizzle-orm'
import type { Database } from './orm.ts'

export const isOrganization = (organizationId: string): SQL =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid)`

export const isPlatform = (organizationId: string): SQL =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid and o.is_platform)`

export const isPlan = (planId: string): SQL => sql`exists (select 1 from plans p where p.id = ${planId})`

/** Whether a plan id is a version of the plan with this name. @param planId an expression, such as `o.plan_id` */
export const isOnPlan = (planId: SQL, family: string): SQL => sql`split_part(${planId}, '@', 1) = ${family}`

/** Whether a condition holds now. */
export async function holds(db: Database, condition: SQL): Promise<boolean> {
  const { rows } = await db.execute<{ holds: boolean }>(sql`select ${condition} as holds`)
  return rows[0]?.holds === true
}
