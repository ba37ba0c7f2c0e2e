import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { directories, directoryGroups } from '../../db/schema/directories.ts'

export type DirectoryRow = typeof directories.$inferSelect

/** Finds an organization's directory, with the number of its users and groups. */
export async function findDirectory(db: Database, organizationId: string) {
  const [row] = await db
    .select({
      defaultRole: directories.defaultRole,
      hasToken: sql<boolean>`${directories.tokenHash} is not null`,
      users: sql<number>`(select count(*)::int from directory_users u where u.organization_id = directories.organization_id)`,
      groups: sql<number>`(select count(*)::int from directory_groups g where g.organization_id = directories.organization_id)`,
      lastUsedAt: directories.lastUsedAt,
      createdAt: directories.createdAt,
      updatedAt: directories.updatedAt,
    })
    .from(directories)
    .where(eq(directories.organizationId, organizationId))
  return row
}

export type DirectoryView = NonNullable<Awaited<ReturnType<typeof findDirectory>>>

export function upsertDirectory(db: Database, row: Pick<DirectoryRow, 'organizationId' | 'defaultRole'>, at: Date) {
  return db
    .insert(directories)
    .values({ ...row, createdAt: at, updatedAt: at })
    .onConflictDoUpdate({
      target: directories.organizationId,
      set: { defaultRole: row.defaultRole, updatedAt: at },
    })
}

export const updateToken = (db: Database, organizationId: string, tokenHash: Uint8Array, updatedAt: Date) =>
  db.update(directories).set({ tokenHash, updatedAt }).where(eq(directories.organizationId, organizationId))

export const deleteDirectory = (db: Database, organizationId: string) =>
  db.delete(directories).where(eq(directories.organizationId, organizationId))

const shown = {
  id: directoryGroups.id,
  name: directoryGroups.displayName,
  role: directoryGroups.role,
  members: sql<number>`(select count(*)::int from directory_group_members gm
    where gm.organization_id = directory_groups.organization_id and gm.group_id = directory_groups.id)`,
  createdAt: directoryGroups.createdAt,
  updatedAt: directoryGroups.updatedAt,
}

export interface GroupRef {
  readonly organizationId: string
  readonly id: string
}

const isGroup = ({ organizationId, id }: GroupRef) =>
  and(eq(directoryGroups.organizationId, organizationId), eq(directoryGroups.id, id))

export async function findGroup(db: Database, ref: GroupRef) {
  const [row] = await db.select(shown).from(directoryGroups).where(isGroup(ref))
  return row
}

export type GroupView = NonNullable<Awaited<ReturnType<typeof findGroup>>>

/** Selects one page of a directory's groups, oldest first, plus one row if there is another page. */
export const listGroups = (
  db: Database,
  organizationId: string,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
) =>
  db
    .select(shown)
    .from(directoryGroups)
    .where(and(eq(directoryGroups.organizationId, organizationId), after ? gt(directoryGroups.id, after) : undefined))
    .orderBy(asc(directoryGroups.id))
    .limit(limit + 1)

export const updateRole = (db: Database, ref: GroupRef, role: GroupView['role'], updatedAt: Date) =>
  db.update(directoryGroups).set({ role, updatedAt }).where(isGroup(ref))

export const isOwnGroup = ({ organizationId, id }: GroupRef) => sql`exists (
  select 1 from directory_groups g where g.organization_id = ${organizationId}::uuid and g.id = ${id}::uuid)`
