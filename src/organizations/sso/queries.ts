import { eq } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { ssoConnections } from '../../db/schema/sso.ts'

export type SsoRow = typeof ssoConnections.$inferSelect

export async function findSso(db: Database, organizationId: string): Promise<SsoRow | undefined> {
  const [row] = await db.select().from(ssoConnections).where(eq(ssoConnections.organizationId, organizationId))
  return row
}

/** Stores an organization's single sign-on, replacing an earlier one. */
export function upsertSso(db: Database, row: SsoRow) {
  const { id: _, organizationId: __, createdAt: ___, ...changes } = row
  return db
    .insert(ssoConnections)
    .values(row)
    .onConflictDoUpdate({ target: ssoConnections.organizationId, set: changes })
}

export const deleteSso = (db: Database, organizationId: string) =>
  db.delete(ssoConnections).where(eq(ssoConnections.organizationId, organizationId))
