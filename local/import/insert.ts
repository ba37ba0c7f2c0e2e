import { newAccount } from '../../src/accounts/new-account.ts'
import type { Sql } from '../../src/db/client.ts'
import type { ImportedUser } from './line.ts'

/**
 * Users whose address does not exist yet, each with an organization that they own: one statement, so that a batch
 * is inserted whole or not at all, and sending it again does nothing.
 */
const INSERT = `
with given as (
  select * from jsonb_to_recordset($1::jsonb) as line(
    id uuid, email text, name text, password_hash text, email_verified_at timestamptz, created_at timestamptz,
    organization_id uuid, organization_name text, slug text, plan_id text, is_personal boolean)
), fresh as (
  insert into users (id, email, name, password_hash, email_verified_at, is_self_registered, created_at)
  select id, email, name, password_hash, email_verified_at, false, created_at from given
  on conflict (email) do nothing
  returning id
), owned as (
  select given.* from given join fresh on fresh.id = given.id
), homes as (
  insert into organizations (id, name, slug, plan_id, is_personal)
  select organization_id, organization_name, slug, plan_id, is_personal from owned
)
insert into memberships (organization_id, user_id, role) select organization_id, id, 'owner' from owned
returning user_id`

/** @returns how many were new; existing users are not changed */
export async function insertUsers(sql: Sql, people: readonly ImportedUser[], at: number): Promise<number> {
  const rows = people.map((person) => toRow(person, at))
  return (await sql.query(INSERT, [JSON.stringify(rows)])).length
}

/** @returns how many of these addresses are new; a dry run calls this instead */
export async function countNew(sql: Sql, people: readonly ImportedUser[]): Promise<number> {
  const addresses = [...new Set(people.map(({ email }) => email))]
  const known = await sql.query('select email from users where email = any($1)', [addresses])
  return addresses.length - known.length
}

function toRow({ password_hash: passwordHash, organization, ...person }: ImportedUser, at: number) {
  const account = newAccount(
    { ...person, ...(passwordHash !== null && { passwordHash }), organization: organization ?? undefined },
    at,
  )
  const createdAt = person.created_at ?? account.user.createdAt.toISOString()
  return {
    id: account.user.id,
    email: account.user.email,
    name: account.user.name,
    password_hash: passwordHash,
    email_verified_at: person.email_verified ? createdAt : null,
    created_at: createdAt,
    organization_id: account.organization.id,
    organization_name: account.organization.name,
    slug: account.organization.slug,
    plan_id: account.organization.planId,
    is_personal: account.organization.isPersonal,
  }
}
