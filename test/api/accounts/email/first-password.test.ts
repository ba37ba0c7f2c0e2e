/** What a reset removes if it proves an address for the first time, and what it must keep. */
import { expect, test, vi } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, verify } from '../../../support/http.ts'
import { mailTo, resetToken, tokenIn } from '../../../support/mail.ts'
import { newDirectory } from '../../../support/scim.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const new_password = 'seven purple lanterns'
const confirm = async (token: string) =>
  (await call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password } })).status
const newEmail = () => `made-${crypto.randomUUID()}@example.com`

/** A customer of the operator's in production: with a live key, a member and a webhook. */
async function newProduction() {
  const holder = await newKeyHolder()
  const member = await newUser()
  await sql.query(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'member')`, [
    holder.organizationId,
    member.user.id,
  ])
  const isWhole = async () => {
    const [row] = await sql.query(
      `select count(*)::int as members from memberships where organization_id = $1 and user_id = any($2)`,
      [holder.organizationId, [holder.user.id, member.user.id]],
    )
    expect(await verify(holder.key)).toMatchObject({ body: { code: 'VALID' } })
    expect(row?.members).toBe(2)
  }
  return { organizationId: holder.organizationId, isWhole }
}

test('an owner whom the operator created sets a first password, and the customer keeps working', async () => {
  const { organizationId, isWhole } = await newProduction()
  const email = newEmail()
  const made = await call('POST /api/v1/admin/users', {
    token: await administrator(),
    body: { email, organization_id: organizationId, role: 'owner', send_invitation: true },
  })
  expect(made.status).toBe(201)
  expect(await confirm(tokenIn(await mailTo(email, /account/i)))).toBe(204)
  await isWhole()
  expect(made.body.is_verified).toBe(false)
})

test('an imported owner with an unconfirmed address resets the password, and the customer keeps working', async () => {
  const { organizationId, isWhole } = await newProduction()
  const email = newEmail()
  await sql.query(
    `with person as (insert into users (id, email, password_hash, is_self_registered) values (gen_random_uuid(), $1, 'x', false) returning id)
     insert into memberships (organization_id, user_id, role) select $2, id, 'owner' from person`,
    [email, organizationId],
  )
  expect(await confirm(await resetToken(email))).toBe(204)
  await isWhole()
})

test('the operator cannot hand an organization to a stranger who registered the address; an invitation works', async () => {
  const { organizationId } = await newProduction()
  const stranger = await newUser()
  const add = async (more: object) =>
    call(`POST /api/v1/admin/organizations/${organizationId}/members`, {
      token: await administrator(),
      body: { email: stranger.email, role: 'owner', ...more },
    })
  expect((await add({})).body).toMatchObject({ status: 409, code: 'account_unconfirmed' })
  expect((await add({ send_invitation: true })).status).toBe(202)
})

test('a stranger cannot get back in after the owner took over: no directory, single sign-on or domain remains', async () => {
  const { owner, id, token, ask, provision } = await newDirectory()
  const bob = await provision('bob')
  await sql.query(
    `insert into sso_connections (id, organization_id, issuer, client_id, client_secret_encrypted, join_role)
     values (gen_random_uuid(), $1, 'https://idp.example.org', 'x', 'x', 'member')`,
    [id],
  )
  expect(await confirm(await resetToken(owner.email))).toBe(204)
  expect((await ask(`PATCH /Users/${bob.id}`, { Operations: [] }, token)).status).toBe(401)
  const [left] = await sql.query(
    `select (select count(*) from directories where organization_id = $1)::int as directories,
       (select count(*) from directory_users where organization_id = $1)::int as users,
       (select count(*) from sso_connections where organization_id = $1)::int as connections,
       (select count(*) from organization_domains where organization_id = $1)::int as domains,
       (select count(*) from memberships where organization_id = $1)::int as members`,
    [id],
  )
  expect(left).toEqual({ directories: 0, users: 0, connections: 0, domains: 0, members: 1 })
})
