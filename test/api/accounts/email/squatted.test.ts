import { describe, expect, onTestFinished, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newUser, verify } from '../../../support/http.ts'
import { confirmAddress, mailsTo, mailTo, SUBJECTS, tokenIn } from '../../../support/mail.ts'
import { addMember, ORGANIZATIONS } from '../../../support/organizations.ts'

const { sql } = directly()
const newAddress = () => `free-${crypto.randomUUID()}@example.com`
const change = ({ token, password }: { token: string; password: string }, new_email: string) =>
  call('POST /api/v1/auth/email/change', { token, body: { new_email, password } })
const confirm = (token: string, password: string) =>
  call('POST /api/v1/auth/email/change/confirm', { body: { token, password } })
const emailOf = async (token: string) => (await call('GET /api/v1/auth/me', { token })).body.email as string
const login = ({ email, password }: { email: string; password: string }) =>
  call('POST /api/v1/auth/login', { body: { email, password } })

/** A confirmed account, and a stranger's that has the address to which its owner wants to change. */
async function squatted() {
  const [owner, stranger] = await Promise.all([newUser(), newUser()])
  await confirmAddress(owner.email)
  const issued = await call('POST /api/v1/auth/api-keys', { token: stranger.token, body: { name: 'theirs' } })
  expect(issued.status).toBe(201)
  return { owner, stranger, key: issued.body.key as string }
}

/** Requests the stranger's address. @returns the token that was sent there */
async function asked({ owner, stranger }: Awaited<ReturnType<typeof squatted>>): Promise<string> {
  expect((await change(owner, stranger.email)).status).toBe(202)
  return tokenIn(await mailTo(stranger.email, SUBJECTS.change))
}

describe('a change to an address that somebody registered and never confirmed', () => {
  test('gives it to whoever proves it; nothing of the stranger works any more', async () => {
    const world = await squatted()
    const { owner, stranger, key } = world
    const partner = await newUser()
    await addMember(stranger.user.organization_id as string, partner.user.id, 'owner')
    expect((await verify(key)).body.code).toBe('VALID')
    expect((await confirm(await asked(world), owner.password)).status).toBe(204)

    const signedIn = await login({ email: stranger.email, password: owner.password })
    const token = signedIn.body.access_token as string
    expect((await call('GET /api/v1/auth/me', { token })).body).toMatchObject({
      id: owner.user.id,
      email: stranger.email,
      is_verified: true,
    })
    expect((await verify(key)).body.code).toBe('REVOKED')
    expect((await call('GET /api/v1/auth/me', { token: stranger.token })).status).toBe(401)
    const refresh_token = stranger.refreshToken
    expect((await call('POST /api/v1/auth/refresh', { body: { refresh_token } })).status).toBe(401)
    const strangers = `GET ${ORGANIZATIONS}/${stranger.user.organization_id}` as const
    for (const one of [token, partner.token]) expect((await call(strangers, { token: one })).status).toBe(404)
  })

  test('leaves a disabled account without the address, for the operator, and an entry in the audit log', async () => {
    const world = await squatted()
    const { owner, stranger } = world
    expect((await confirm(await asked(world), owner.password)).status).toBe(204)
    const left = await call(`GET /api/v1/admin/users/${stranger.user.id}`, { token: await administrator() })
    expect(left.body).toMatchObject({ email: `${stranger.user.id}@released.invalid`, is_active: false })
    const rows = await sql.query(
      `select actor_id, detail from audit_logs where target_id = $1 and action = 'account.released'`,
      [stranger.user.id],
    )
    expect(rows).toEqual([{ actor_id: null, detail: { cleared: true } }])
  })

  test('says in the email what happens to the other account', async () => {
    const world = await squatted()
    await asked(world)
    const held = await mailTo(world.stranger.email, SUBJECTS.change)
    expect(held.text).toContain('never confirmed')
    const free = newAddress()
    await change(world.owner, free)
    expect((await mailTo(free, SUBJECTS.change)).text).not.toContain('never confirmed')
  })

  test('also if it was registered after the link was sent', async () => {
    const owner = await newUser()
    const email = newAddress()
    await change(owner, email)
    const token = tokenIn(await mailTo(email, SUBJECTS.change))
    expect(
      (await call('POST /api/v1/auth/register', { body: { email, password: 'correct horse battery' } })).status,
    ).toBe(201)
    expect((await confirm(token, owner.password)).status).toBe(204)
    expect((await login({ email, password: owner.password })).status).toBe(200)
  })

  test('changes nothing if the address is confirmed before the link is used', async () => {
    const world = await squatted()
    const { owner, stranger, key } = world
    const token = await asked(world)
    await confirmAddress(stranger.email)
    expect((await confirm(token, owner.password)).body.code).toBe('invalid_token')
    expect([await emailOf(owner.token), await emailOf(stranger.token)]).toEqual([owner.email, stranger.email])
    expect((await verify(key)).body.code).toBe('VALID')
  })

  test('only one of two who prove it gets it', async () => {
    const world = await squatted()
    const other = await newUser()
    const first = await asked(world)
    await change(other, world.stranger.email)
    const second = tokenIn(await mailTo(world.stranger.email, SUBJECTS.change, 2))
    const answers = await Promise.all([confirm(first, world.owner.password), confirm(second, other.password)])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 400])
  })

  test.each([
    ['the operator created', 'update users set is_self_registered = false where id = $1'],
    [
      'administers the deployment',
      `insert into memberships (organization_id, user_id, role) select id, $1, 'admin' from organizations where is_platform`,
    ],
  ])('is refused like any taken one for an account that %s', async (_, made) => {
    const { owner, stranger } = await squatted()
    const token = await asked({ owner, stranger, key: '' })
    await sql.query(made, [stranger.user.id])
    onTestFinished(async () => {
      await sql.query(
        'delete from memberships m using organizations o where o.id = m.organization_id and o.is_platform and m.user_id = $1',
        [stranger.user.id],
      )
    })
    expect((await confirm(token, owner.password)).body.code).toBe('invalid_token')
    const before = await mailsTo(stranger.email)
    await change(owner, stranger.email)
    await mailTo(stranger.email, SUBJECTS.inUse)
    const links = (await mailsTo(stranger.email)).filter(({ subject }) => SUBJECTS.change.test(subject))
    expect(links).toHaveLength(before.filter(({ subject }) => SUBJECTS.change.test(subject)).length)
    expect(await emailOf(stranger.token)).toBe(stranger.email)
  })
})
