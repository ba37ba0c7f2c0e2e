import { eq, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { organizations } from '../db/schema/organizations.ts'

/** Merges limits into an organization's own; null takes one out. The statement returns the organization's new version. */
export function updateLimitOverrides(db: Database, organizationId: string, changes: object) {
  return db
    .update(organizations)
    .set({
      limitOverrides: sql`jsonb_strip_nulls(${organizations.limitOverrides} || ${JSON.stringify(changes)}::jsonb)`,
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
}

export const isOrganization = (organizationId: string) =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid)`
