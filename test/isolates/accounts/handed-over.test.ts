/** A stranger registers an address and hands its organization over before the owner of the address comes. */
import { describe, expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { call, newUser, verify } from '../../support/http.ts'
import { mailTo, resetToken, tokenIn } from '../../support/mail.ts'
import { addMember, ORGANIZATIONS, rolesIn } from '../../support/organizations.ts'
import { newDirectory } from '../../support/scim.ts'
import { newCompany, signIn } from '../../support/sso.ts'

const { sql } = directly()
const new_password = 'seven purple lanterns'

/** An account of an address, whose organization has the stranger's second account as another owner. */
async function squat(email?: string) {
  const account = await newUser()
  if (email) await sql.query('update users set email = $1 where id = $2', [email, account.user.id])
  const accomplice = await newUser()
  const own = account.user.organization_id as string
  await addMember(own, accomplice.user.id, 'owner')
  const issued = await call('POST /api/v1/auth/api-keys', { token: account.token, body: { name: 'theirs' } })
  expect(issued.status).toBe(201)
  const path = `${ORGANIZATIONS}/${own}`
  const setRole = (role: string) =>
    call(`PATCH ${path}/members/${account.user.id}`, { token: accomplice.token, body: { role } })
  return { ...account, email: email ?? account.email, accomplice, own, path, setRole, key: issued.body.key as string }
}

type Squatter = Awaited<ReturnType<typeof squat>>

const WAYS: [string, (of: Squatter) => Promise<{ status: number }>][] = [
  ['demoted to admin', ({ setRole }) => setRole('admin')],
  ['demoted to viewer', ({ setRole }) => setRole('viewer')],
  [
    'transferred',
    ({ path, token, accomplice, password }) =>
      call(`POST ${path}/transfer`, { token, body: { user_id: accomplice.user.id, password } }),
  ],
  [
    'given a role of its own',
    async ({ path, accomplice, setRole }) => {
      const body = { name: 'keeper', permissions: ['keys:read', 'keys:write'] }
      expect((await call(`POST ${path}/roles`, { token: accomplice.token, body })).status).toBe(201)
      return setRole('keeper')
    },
  ],
  ['taken out', ({ path, user, accomplice }) => call(`DELETE ${path}/members/${user.id}`, { token: accomplice.token })],
]

/** The stranger keeps the organization, and the account has no part in it. */
async function expectApart({ user, accomplice, own, key }: Squatter) {
  expect(await rolesIn(own)).toEqual({ [accomplice.user.id]: 'owner' })
  expect((await verify(key)).body.code).toBe('REVOKED')
  const rows = await sql.query('select organization_id from sessions where user_id = $1 and ended_at is null', [
    user.id,
  ])
  expect(rows.map(({ organization_id }) => organization_id)).not.toContain(own)
}

const resets = (token: string) => call('POST /api/v1/auth/password/reset/confirm', { body: { token, new_password } })

describe.each(WAYS)('%s, the account is apart from it', (_, handOver) => {
  test('after a reset of its password', async () => {
    const squatter = await squat()
    expect((await handOver(squatter)).status).toBeLessThan(300)
    expect((await resets(await resetToken(squatter.email))).status).toBe(204)
    await expectApart(squatter)

    const { body } = await call('POST /api/v1/auth/login', { body: { email: squatter.email, password: new_password } })
    const token = body.access_token as string
    const { body: me } = await call('GET /api/v1/auth/me', { token })
    expect(me).toMatchObject({ role: 'owner', organization_id: expect.any(String) })
    expect(await rolesIn(me.organization_id)).toEqual({ [squatter.user.id]: 'owner' })
    expect((await call('POST /api/v1/auth/api-keys', { token, body: { name: 'mine' } })).status).toBe(201)
  })

  test('after single sign-on', async () => {
    const { id, person } = await newCompany()
    const ada = person()
    const squatter = await squat(ada.email)
    expect((await handOver(squatter)).status).toBeLessThan(300)
    expect((await signIn(ada)).status).toBe(200)
    await expectApart(squatter)
    expect(await rolesIn(id)).toMatchObject({ [squatter.user.id]: 'member' })
  })
})

test('the same holds after the directory has taken over the account', async () => {
  const { ask, newBody, address, roles } = await newDirectory()
  const squatter = await squat(address('ada'))
  await squatter.setRole('admin')
  expect((await ask('POST /Users', newBody('ada'))).status).toBe(201)
  await expectApart(squatter)
  expect(await roles()).toMatchObject({ ada: 'member' })
})

test('a person who owns another organization keeps it, and gets no further one', async () => {
  const squatter = await squat()
  const { body: other } = await call(`POST ${ORGANIZATIONS}`, { token: squatter.token, body: { name: 'Other' } })
  await squatter.setRole('admin')
  await resets(await resetToken(squatter.email))
  await expectApart(squatter)
  const rows = await sql.query('select organization_id from memberships where user_id = $1', [squatter.user.id])
  expect(rows).toEqual([{ organization_id: other.id }])
})

test('a person who joined by an invitation, which proved the address, stays a member after a reset', async () => {
  const host = await newUser()
  const own = host.user.organization_id as string
  const email = `invited-${crypto.randomUUID()}@example.com`
  await call(`POST ${ORGANIZATIONS}/${own}/invitations`, { token: host.token, body: { email, role: 'member' } })
  const token = tokenIn(await mailTo(email, /invite|join/i))
  const accepted = await call(`POST ${ORGANIZATIONS}/invitations/accept`, {
    body: { token, password: 'correct horse battery' },
  })
  expect(accepted.status).toBe(200)
  await resets(await resetToken(email))
  expect(await rolesIn(own)).toMatchObject({ [accepted.body.user_id]: 'member' })
})

test('an administrator of the deployment remains one', async () => {
  const squatter = await squat()
  const [platform] = await sql.query('select id from organizations where is_platform')
  const place = String(platform?.id)
  await addMember(place, squatter.user.id, 'viewer')
  await resets(await resetToken(squatter.email))
  expect(await rolesIn(place)).toMatchObject({ [squatter.user.id]: 'viewer' })
  await sql.query('delete from memberships where organization_id = $1 and user_id = $2', [place, squatter.user.id])
})
