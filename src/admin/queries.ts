import { eq, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { organizations } from '../db/schema/organizations.ts'

/**
 * Merges limits into an organization's own; null takes one out.
 *
 * @returns the organization's new version, `undefined` when there is no such organization
 */
export async function updateLimitOverrides(
  db: Database,
  organizationId: string,
  changes: object,
): Promise<number | undefined> {
  const [row] = await db
    .update(organizations)
    .set({
      limitOverrides: sql`jsonb_strip_nulls(${organizations.limitOverrides} || ${JSON.stringify(changes)}::jsonb)`,
      version: sql`${organizations.version} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ version: organizations.version })
  return row?.version
}
