import { and, eq, sql } from 'drizzle-orm'
import * as z from 'zod'
import { claimAccount, mayClaim } from '../../accounts/claim-account.ts'
import { findProvisioned, insertProvisioned, newProvisioned } from '../../accounts/provision.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, type Statement, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { holds } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import { isAddressOf } from '../../db/own-address.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import { directoryUsers } from '../../db/schema/directories.ts'
import type { ManagementDeps } from '../../deps.ts'
import { text } from '../../http/text-field.ts'
import { parseEmailAddress } from '../../lib/email-address.ts'
import { type Attributes, pickKnown, requireSchema } from './attributes.ts'
import { badRequest, ScimError } from './error.ts'
import { findPlace, isStill, moved, type Place } from './membership.ts'
import { applyPatch } from './patch.ts'
import { buildMeta, CORE_SCHEMA, checkValues, type Found, notFound, type Search, toLocation } from './resource.ts'
import { settleRoles } from './roles.ts'
import { searchIn } from './search.ts'
import { findUser, hasRoom, isAsRead, isDirectory, USERS, type UserRow } from './user-queries.ts'

export const USER = { type: 'User', folder: 'Users' } as const
/** Keeps anybody from filling the database with accounts of a domain. */
const MAX_USERS = 50_000
const OF_GROUP = { type: 'Group', folder: 'Groups' } as const
export const USER_SCHEMA = `${CORE_SCHEMA}:User`

/** The attributes of a user that are stored. */
const USER_ATTRIBUTES: Attributes = [
  { name: 'id', isReadOnly: true },
  { name: 'meta', isReadOnly: true },
  { name: 'schemas', isReadOnly: true },
  { name: 'groups', isReadOnly: true },
  { name: 'userName', isRequired: true },
  { name: 'externalId' },
  { name: 'displayName' },
  { name: 'active' },
  { name: 'name', parts: ['formatted', 'familyName', 'givenName'] },
  { name: 'emails', isList: true, parts: ['value', 'type', 'primary'] },
]

/** Some directories send booleans as strings. */
const boolean = z.union([
  z.boolean(),
  z
    .string()
    .regex(/^(?:true|false)$/i, 'must be true or false')
    .transform((text) => text.toLowerCase() === 'true'),
])

const Person = z.object({
  userName: text(320).min(1),
  externalId: text(500).optional(),
  displayName: text(500).optional(),
  active: boolean.default(true),
  name: z
    .object({ formatted: text(500).optional(), familyName: text(500).optional(), givenName: text(500).optional() })
    .optional(),
  emails: z
    .array(z.object({ value: text(320), type: text(50).optional(), primary: boolean.optional() }))
    .max(20)
    .optional(),
})

type Person = z.output<typeof Person>

export function toUser(deps: ManagementDeps, row: UserRow) {
  const { id, user_name: userName, external_id: externalId, attributes, is_active: active } = row
  const groups = row.groups.map(({ value, display }) => ({ value, display, $ref: toLocation(deps, OF_GROUP, value) }))
  return {
    schemas: [USER_SCHEMA],
    id,
    ...(externalId !== null && { externalId }),
    userName,
    ...attributes,
    active,
    groups,
    meta: buildMeta(deps, USER, { id, createdAt: new Date(row.created_at), updatedAt: new Date(row.updated_at) }),
  }
}

/** @throws ScimError 404 */
export async function getUser(deps: ManagementDeps, organizationId: string, id: string): Promise<UserRow> {
  const row = z.uuid().safeParse(id).success ? await findUser(deps.db, organizationId, id) : undefined
  if (!row) throw notFound(USER, id)
  return row
}

/** @throws ScimError `invalidFilter` */
export const listUsers = (deps: ManagementDeps, organizationId: string, search: Search): Promise<Found> =>
  searchIn<UserRow>(deps.db, USERS, { organizationId, search, show: (row) => toUser(deps, row) })

/**
 * Adds a user as a member, and creates their account if there is none. Their address must be in a verified domain of the
 * organization, because the directory has no authority over others.
 *
 * @throws ScimError `invalidValue`, `uniqueness`; Problem `seat_limit_reached`, `registration_domain_not_allowed`
 */
export async function createUser(deps: ManagementDeps, organizationId: string, body: unknown): Promise<UserRow> {
  const person = readPerson(requireSchema(body, USER_SCHEMA))
  const email = chooseAddress(person)
  if (!(await holds(deps.db, isAddressOf(organizationId, sql`${email}`))))
    throw badRequest('invalidValue', `emails: ${email} is no address of a domain that the organization has verified.`)
  if (!(await holds(deps.db, hasRoom(organizationId, MAX_USERS))))
    throw new ScimError(403, undefined, `A directory has ${MAX_USERS} users at most.`)
  const id = await retryUntilDone(() => tryCreate(deps, organizationId, { person, email }))
  await settleRoles(deps, organizationId)
  return getUser(deps, organizationId, id)
}

const readPerson = (resource: Readonly<Record<string, unknown>>): Person =>
  checkValues(Person, pickKnown(resource, USER_ATTRIBUTES))

/** The primary address, else the first one, else the user name. @throws ScimError `invalidValue` */
function chooseAddress({ emails = [], userName }: Person): string {
  const chosen = emails.find(({ primary }) => primary) ?? emails[0]
  const address = parseEmailAddress(chosen?.value ?? userName)
  if (address === undefined) throw badRequest('invalidValue', 'emails: an email address is required.')
  return address
}

interface New {
  readonly person: Person
  readonly email: string
}

/** @returns the user's id; undefined if another request changed something meanwhile */
async function tryCreate(deps: ManagementDeps, organizationId: string, { person, email }: New) {
  const known = await findProvisioned(deps, email)
  if (!known) return tryRegister(deps, organizationId, { person, email })
  const place = await findPlace(deps.db, organizationId, known.id)
  if (!person.active) requireNoOwner(place.present, person.userName)
  const { id: userId, isConfirmed, isSelfRegistered } = known
  const claim = { userId, isSelfRegistered, email, name: toName(person), organizationId, by: 'directory' } as const
  if (!isConfirmed && !(await mayClaim(deps, claim)))
    throw taken(`The owner of the account ${email} has not confirmed the address yet.`)
  const claimed = isConfirmed ? [] : claimAccount(deps, claim)
  const steps = [...claimed, ...createSteps(deps, organizationId, { person, place })]
  return (await orTaken(tryBatch(deps.db, { steps }))) && userId
}

async function tryRegister(deps: ManagementDeps, organizationId: string, { person, email }: New) {
  const account = newProvisioned(deps, { email, name: toName(person) })
  const place = await findPlace(deps.db, organizationId, account.user.id)
  const steps = createSteps(deps, organizationId, { person, place })
  return (await orTaken(insertProvisioned(deps, account, steps))) ? account.user.id : undefined
}

async function orTaken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!brokenConstraint(error)?.startsWith('directory_users_')) throw error
    throw taken('There is another user with this userName or address.')
  }
}

const taken = (detail: string) => new ScimError(409, 'uniqueness', detail)

function toName({ displayName, name }: Person): string | null {
  const parts = [name?.givenName, name?.familyName].filter(Boolean).join(' ')
  return (displayName ?? name?.formatted ?? parts).trim().slice(0, 200) || null
}

function createSteps(
  deps: ManagementDeps,
  organizationId: string,
  { person, place }: { readonly person: Person; readonly place: Place },
): Statement[] {
  const { db } = deps
  const at = new Date(deps.now())
  return [
    lockOrganization(db, organizationId),
    requireThat(db, sql`${isDirectory(organizationId)} and ${isStill(organizationId, place)}`),
    db
      .insert(directoryUsers)
      .values({ organizationId, userId: place.userId, ...toColumns(person), createdAt: at, updatedAt: at }),
    ...moved(deps, organizationId, { place, isActive: person.active }),
  ]
}

const toColumns = ({ userName, externalId, displayName, name, emails }: Person) => ({
  userName,
  externalId: externalId ?? null,
  attributes: {
    ...(displayName !== undefined && { displayName }),
    ...(name !== undefined && { name }),
    ...(emails !== undefined && { emails }),
  },
})

/** @throws ScimError `invalidValue`, `uniqueness`, 403 for an owner; Problem `seat_limit_reached` */
export const replaceUser = (deps: ManagementDeps, organizationId: string, id: string, body: unknown) =>
  changeUser(deps, organizationId, id, () => readPerson(requireSchema(body, USER_SCHEMA)))

/** @throws ScimError further ones as {@link applyPatch} */
export const patchUser = (deps: ManagementDeps, organizationId: string, id: string, body: unknown) =>
  changeUser(deps, organizationId, id, (row) => readPerson(applyPatch(toUser(deps, row), body, USER_ATTRIBUTES)))

async function changeUser(
  deps: ManagementDeps,
  organizationId: string,
  id: string,
  decide: (row: UserRow) => Person,
): Promise<UserRow> {
  await retryUntilDone(async () => {
    const row = await getUser(deps, organizationId, id)
    return tryChange(deps, organizationId, { row, person: decide(row) })
  })
  await settleRoles(deps, organizationId)
  return getUser(deps, organizationId, id)
}

async function tryChange(
  deps: ManagementDeps,
  organizationId: string,
  { row, person }: { readonly row: UserRow; readonly person: Person },
) {
  const { db } = deps
  const place = await findPlace(db, organizationId, row.id)
  if (!person.active) requireNoOwner(place.present, row.user_name)
  const update = { ...toColumns(person), version: sql`version + 1`, updatedAt: new Date(deps.now()) }
  return orTaken(
    tryBatch(db, {
      lock: lockOrganization(db, organizationId),
      unchanged: requireThat(db, sql`${isAsRead(organizationId, row)} and ${isStill(organizationId, place)}`),
      user: db.update(directoryUsers).set(update).where(isRow(organizationId, row.id)),
      membership: moved(deps, organizationId, { place, isActive: person.active }),
    }),
  )
}

const isRow = (organizationId: string, userId: string) =>
  and(eq(directoryUsers.organizationId, organizationId), eq(directoryUsers.userId, userId))

/** A broken or hijacked identity provider cannot lock out an owner. */
function requireNoOwner(role: Role | null, name: string): void {
  if (role === 'owner')
    throw new ScimError(403, undefined, `${name} is an owner of the organization; only owners remove owners.`)
}

/** Deletes a user from the directory and ends their membership. Their account stays. @throws ScimError 404, 403 for an owner */
export async function deleteUser(deps: ManagementDeps, organizationId: string, id: string): Promise<void> {
  const { db } = deps
  await retryUntilDone(async () => {
    const row = await getUser(deps, organizationId, id)
    const place = await findPlace(db, organizationId, id)
    requireNoOwner(place.present, row.user_name)
    return tryBatch(db, {
      lock: lockOrganization(db, organizationId),
      unchanged: requireThat(db, sql`${isAsRead(organizationId, row)} and ${isStill(organizationId, place)}`),
      membership: moved(deps, organizationId, { place, isActive: false }),
      user: db.delete(directoryUsers).where(isRow(organizationId, row.id)),
    })
  })
}
