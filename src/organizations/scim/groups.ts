import { and, eq, sql } from 'drizzle-orm'
import * as z from 'zod'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { holds } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import { directoryGroups } from '../../db/schema/directories.ts'
import type { ManagementDeps } from '../../deps.ts'
import { text } from '../../http/text-field.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { type Attributes, pickKnown, requireSchema } from './attributes.ts'
import { badRequest, ScimError } from './error.ts'
import { areUsers, findGroup, GROUPS, type GroupRow, hasRoom, isAsRead, setMembers } from './group-queries.ts'
import { applyPatch } from './patch.ts'
import { buildMeta, CORE_SCHEMA, checkValues, type Found, notFound, type Search, toLocation } from './resource.ts'
import { settleRoles } from './roles.ts'
import { searchIn } from './search.ts'

export const GROUP = { type: 'Group', folder: 'Groups' } as const
export const GROUP_SCHEMA = `${CORE_SCHEMA}:Group`

const MAX_GROUPS = 1_000
const MAX_MEMBERS = 10_000

/** The attributes of a group that are stored. */
const GROUP_ATTRIBUTES: Attributes = [
  { name: 'id', isReadOnly: true },
  { name: 'meta', isReadOnly: true },
  { name: 'schemas', isReadOnly: true },
  { name: 'displayName', isRequired: true },
  { name: 'externalId' },
  { name: 'members', isList: true, parts: ['value', 'display'] },
]

const Group = z.object({
  displayName: text(500).min(1),
  externalId: text(500).optional(),
  members: z
    .array(z.object({ value: z.uuid() }).transform(({ value }) => value.toLowerCase()))
    .max(MAX_MEMBERS)
    .default([])
    .transform((ids) => [...new Set(ids)]),
})

type Group = z.output<typeof Group>

export function toGroup(deps: ManagementDeps, row: GroupRow) {
  const { id, display_name: displayName, external_id: externalId, members } = row
  return {
    schemas: [GROUP_SCHEMA],
    id,
    ...(externalId !== null && { externalId }),
    displayName,
    members: members.map(({ value, display }) => ({
      value,
      display,
      type: 'User',
      $ref: toLocation(deps, { type: 'User', folder: 'Users' }, value),
    })),
    meta: buildMeta(deps, GROUP, { id, createdAt: new Date(row.created_at), updatedAt: new Date(row.updated_at) }),
  }
}

/** @throws ScimError 404 */
export async function getGroup(deps: ManagementDeps, organizationId: string, id: string): Promise<GroupRow> {
  const row = z.uuid().safeParse(id).success ? await findGroup(deps.db, organizationId, id) : undefined
  if (!row) throw notFound(GROUP, id)
  return row
}

/** @throws ScimError `invalidFilter` */
export const listGroups = (deps: ManagementDeps, organizationId: string, search: Search): Promise<Found> =>
  searchIn<GroupRow>(deps.db, GROUPS, { organizationId, search, show: (row) => toGroup(deps, row) })

const readGroup = (resource: Readonly<Record<string, unknown>>): Group =>
  checkValues(Group, pickKnown(resource, GROUP_ATTRIBUTES))

/** @throws ScimError `invalidValue`, `uniqueness`, 403 if there are too many groups */
export async function createGroup(deps: ManagementDeps, organizationId: string, body: unknown): Promise<GroupRow> {
  const group = readGroup(requireSchema(body, GROUP_SCHEMA))
  await requireUsers(deps, organizationId, group.members)
  const id = uuidv7(deps.now())
  const { db } = deps
  const at = new Date(deps.now())
  const row = { id, organizationId, ...toColumns(group), createdAt: at, updatedAt: at }
  const done = await orTaken(
    tryBatch(db, {
      lock: lockOrganization(db, organizationId),
      room: requireThat(db, hasRoom(organizationId, MAX_GROUPS)),
      group: db.insert(directoryGroups).values(row),
      members: setMembers(db, organizationId, id, group.members),
    }),
  )
  if (!done) throw new ScimError(403, undefined, `A directory has ${MAX_GROUPS} groups at most.`)
  return getGroup(deps, organizationId, id)
}

const toColumns = ({ displayName, externalId }: Group) => ({ displayName, externalId: externalId ?? null })

/** @throws ScimError `invalidValue` */
async function requireUsers({ db }: ManagementDeps, organizationId: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0 && !(await holds(db, areUsers(organizationId, ids))))
    throw badRequest('invalidValue', 'members: each value must be the id of a User of this directory.')
}

async function orTaken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (brokenConstraint(error) !== 'directory_groups_name_unique') throw error
    throw new ScimError(409, 'uniqueness', 'There is another group with this displayName.')
  }
}

/** @throws ScimError `invalidValue`, `uniqueness` */
export const replaceGroup = (deps: ManagementDeps, organizationId: string, id: string, body: unknown) =>
  changeGroup(deps, organizationId, id, () => readGroup(requireSchema(body, GROUP_SCHEMA)))

/** @throws ScimError further ones as {@link applyPatch} */
export const patchGroup = (deps: ManagementDeps, organizationId: string, id: string, body: unknown) =>
  changeGroup(deps, organizationId, id, (row) => readGroup(applyPatch(toGroup(deps, row), body, GROUP_ATTRIBUTES)))

async function changeGroup(
  deps: ManagementDeps,
  organizationId: string,
  id: string,
  decide: (row: GroupRow) => Group,
): Promise<GroupRow> {
  const { db } = deps
  const changed = await retryUntilDone(async () => {
    const row = await getGroup(deps, organizationId, id)
    const group = decide(row)
    await requireUsers(deps, organizationId, group.members)
    const update = { ...toColumns(group), version: sql`version + 1`, updatedAt: new Date(deps.now()) }
    const done = await orTaken(
      tryBatch(db, {
        lock: lockOrganization(db, organizationId),
        unchanged: requireThat(
          db,
          sql`${isAsRead(organizationId, row)} and ${areUsers(organizationId, group.members)}`,
        ),
        group: db.update(directoryGroups).set(update).where(isRow(organizationId, id)),
        members: setMembers(db, organizationId, id, group.members),
      }),
    )
    return done && findGroup(db, organizationId, id)
  })
  await settleRoles(deps, organizationId)
  return changed
}

const isRow = (organizationId: string, id: string) =>
  and(eq(directoryGroups.organizationId, organizationId), eq(directoryGroups.id, id))

/**
 * Deletes a group. Its members stay, in the roles from their other groups. A repeated request also assigns these roles: the
 * first may have failed after deleting the group. @throws ScimError 404
 */
export async function deleteGroup(deps: ManagementDeps, organizationId: string, id: string): Promise<void> {
  const row = z.uuid().safeParse(id).success ? await findGroup(deps.db, organizationId, id) : undefined
  if (row) await deps.db.delete(directoryGroups).where(isRow(organizationId, id))
  await settleRoles(deps, organizationId)
  if (!row) throw notFound(GROUP, id)
}
