import { expect, test } from 'vitest'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'
import { granted } from '../../support/oauth.ts'

const { sql } = directly()
const see = (organization: string, token: string) =>
  call(`GET /api/v1/admin/organizations/${organization}/sign-in`, { token })

test('a customer that has set nothing up has no entries', async () => {
  const { user } = await newUser()
  expect((await see(user.organization_id, await administrator())).body).toEqual({
    requires_two_factor: false,
    domains: [],
    single_sign_on: null,
    directory: null,
    applications: 0,
  })
})

test('the operator sees how the people of a customer sign in, without a secret', async () => {
  const { exchange, person } = await granted()
  await exchange()
  const id = person.user.organization_id as string
  await sql.query('update organizations set requires_two_factor = true where id = $1', [id])
  await sql.query(
    `insert into organization_domains (id, organization_id, domain, token, join_role, verified_at, checked_at)
     values (gen_random_uuid(), $1, $2, 'token of two', null, null, null), (gen_random_uuid(), $1, $3, 'token of one', 'viewer', now(), now())`,
    [id, `b-${id}.example.org`, `a-${id}.example.org`],
  )
  await sql.query(
    `insert into sso_connections (id, organization_id, issuer, client_id, client_secret_encrypted, join_role, is_required)
     values (gen_random_uuid(), $1, 'https://login.example.org', 'client', '\\x00', 'member', true)`,
    [id],
  )
  await sql.query(
    `insert into directories (organization_id, token_hash, default_role, last_used_at) values ($1, sha256($2::bytea), 'viewer', now())`,
    [id, id],
  )
  await sql.query(
    `insert into directory_users (organization_id, user_id, user_name, attributes)
     values ($1, $2, 'ada', '{}'), ($1, $3, 'gone', '{}')`,
    [id, person.user.id, (await newUser()).user.id],
  )
  const { key } = await newServiceKey('platform:organizations:read')
  const { status, body } = await see(id, key)
  expect(status).toBe(200)
  expect(body).toEqual({
    requires_two_factor: true,
    domains: [
      {
        domain: `a-${id}.example.org`,
        verified_at: expect.any(String),
        checked_at: expect.any(String),
        join_role: 'viewer',
      },
      { domain: `b-${id}.example.org`, verified_at: null, checked_at: null, join_role: null },
    ],
    single_sign_on: { issuer: 'https://login.example.org', join_role: 'member', is_required: true, last_used_at: null },
    directory: { default_role: 'viewer', has_token: true, people: 1, groups: 0, last_used_at: expect.any(String) },
    applications: 1,
  })
  expect(JSON.stringify(body)).not.toContain('token of')
})

test('an unknown customer is not found, and nobody else sees this', async () => {
  expect((await see(crypto.randomUUID(), await administrator())).body.code).toBe('organization_not_found')
  const person = await newUser()
  expect((await see(person.user.organization_id, person.token)).status).toBe(404)
  const { key } = await newServiceKey('platform:usage:read')
  expect((await see(person.user.organization_id, key)).body.code).toBe('forbidden')
})
