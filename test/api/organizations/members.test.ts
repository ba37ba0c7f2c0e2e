import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { mailTo } from '../../support/mail.ts'
import { addMember, create, ORGANIZATIONS, rolesIn, switchTo } from '../../support/organizations.ts'
import { makeStale } from '../../support/stale-session.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const { sql } = directly()

type Person = Awaited<ReturnType<typeof newUser>>

const members = (id: string, token: string, query = '') =>
  call(`GET ${ORGANIZATIONS}/${id}/members?${query}`, { token })
const setRole = (id: string, by: Person, of: string, role: string) =>
  call(`PATCH ${ORGANIZATIONS}/${id}/members/${of}`, { token: by.token, body: { role } })
const remove = (id: string, by: Person, of: string) =>
  call(`DELETE ${ORGANIZATIONS}/${id}/members/${of}`, { token: by.token })
const leave = (id: string, by: Person) => call(`POST ${ORGANIZATIONS}/${id}/leave`, { token: by.token })
const transfer = (id: string, by: Person, user_id: string, more: object = {}) =>
  call(`POST ${ORGANIZATIONS}/${id}/transfer`, { token: by.token, body: { user_id, ...more } })
const actsOf = (organizationId: string, act: string) =>
  sql.query(
    'select actor_id, target_id, detail from audit_logs where organization_id = $1 and action = $2 order by id',
    [organizationId, act],
  )

/** An organization with one member of each role named; `owner` made it. */
async function team<const R extends string>(...roles: R[]) {
  const owner = await newUser({ name: 'Team', organization: 'Team' })
  const id: string = owner.user.organization_id
  const others = await Promise.all(
    roles.map(async (role) => {
      const person = await newUser({ name: role })
      await addMember(id, person.user.id, role.replace(/\d$/, ''))
      return [role, person] as const
    }),
  )
  return { id, owner, ...(Object.fromEntries(others) as Record<R, Person>) }
}

describe('GET /api/v1/organizations/{organization_id}/members', async () => {
  const { id, owner, viewer, member } = await team('viewer', 'member')

  test('lists them page by page to each of them, and to nobody else', async () => {
    const all = (await members(id, viewer.token)).body
    expect(all.data.map(({ user_id }: any) => String(user_id)).toSorted()).toEqual(
      [owner, viewer, member].map(({ user }) => String(user.id)).toSorted(),
    )
    expect(all.data[0]).toEqual({
      user_id: owner.user.id,
      email: owner.email,
      name: 'Team',
      role: 'owner',
      is_active: true,
      two_factor_enabled: null,
      created_at: expect.any(String),
    })
    const first = (await members(id, viewer.token, 'limit=2')).body
    const second = (await members(id, viewer.token, `limit=2&cursor=${first.next_cursor}`)).body
    expect([...first.data, ...second.data]).toEqual(all.data)
    expect(second.next_cursor).toBeNull()
    const stranger = await newKeyHolder()
    expect((await members(id, stranger.token)).body.code).toBe('organization_not_found')
    expect((await members(stranger.organizationId, stranger.key)).body.code).toBe('user_only')
  })

  test('lets members and viewers change nobody, whoever they name', async () => {
    for (const by of [viewer, member]) {
      for (const of of [owner.user.id, viewer.user.id, UNKNOWN]) {
        expect((await setRole(id, by, of, 'viewer')).body.code).toBe('forbidden')
        expect((await remove(id, by, of)).body.code).toBe('forbidden')
      }
      expect((await transfer(id, by, viewer.user.id)).body.code).toBe('forbidden')
    }
  })

  test('treats non-members and unknown users alike', async () => {
    const stranger = await newUser()
    for (const of of [stranger.user.id, UNKNOWN]) {
      const answers = await Promise.all([
        setRole(id, owner, of, 'admin'),
        remove(id, owner, of),
        transfer(id, owner, of),
      ])
      for (const { status, body } of answers) expect([status, body.code]).toEqual([404, 'member_not_found'])
    }
  })
})

describe('PATCH /api/v1/organizations/{organization_id}/members/{user_id}', () => {
  test('takes effect at the next request, and the same role again is no change', async () => {
    const { id, owner, member } = await team('member')
    const rename = () => call(`PATCH ${ORGANIZATIONS}/${id}`, { token: member.token, body: { name: 'Renamed' } })
    expect((await rename()).status).toBe(403)
    const answer = await setRole(id, owner, member.user.id, 'admin')
    expect(answer).toMatchObject({ status: 200, body: { user_id: member.user.id, role: 'admin' } })
    expect((await rename()).status).toBe(200)
    expect((await setRole(id, owner, member.user.id, 'admin')).status).toBe(200)
    expect((await setRole(id, owner, member.user.id, 'viewer')).status).toBe(200)
    expect((await rename()).status).toBe(403)
    expect(await actsOf(id, 'member.role_changed')).toMatchObject([
      { actor_id: owner.user.id, target_id: member.user.id, detail: { from: 'member', to: 'admin' } },
      { detail: { from: 'admin', to: 'viewer' } },
    ])
    const unknown = await setRole(id, owner, member.user.id, 'root')
    expect([unknown.status, unknown.body.code, unknown.body.errors[0].path]).toEqual([
      404,
      'role_not_found',
      'body.role',
    ])
    for (const role of ['', null, 'OWNER', 'a--b', 'r'.repeat(41)]) {
      const refused = await setRole(id, owner, member.user.id, role as string)
      expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'body.role'])
    }
  })

  test('★ lets only owners grant and revoke the owner role, and no admin becomes one', async () => {
    const { id, owner, admin, admin2, member } = await team('admin', 'admin2', 'member')
    const refused = await Promise.all([
      setRole(id, admin, admin.user.id, 'owner'),
      setRole(id, admin, member.user.id, 'owner'),
      setRole(id, admin, owner.user.id, 'member'),
      setRole(id, admin, owner.user.id, 'owner'),
      remove(id, admin, owner.user.id),
      transfer(id, admin, admin.user.id),
      transfer(id, admin, member.user.id),
    ])
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(refused.map(() => [403, 'forbidden']))
    expect((await setRole(id, admin, member.user.id, 'viewer')).status).toBe(200)
    expect((await remove(id, admin, admin2.user.id)).status).toBe(204)
    expect((await setRole(id, owner, admin.user.id, 'owner')).status).toBe(200)
    expect((await setRole(id, admin, owner.user.id, 'member')).status).toBe(200)
    expect(await rolesIn(id)).toEqual({
      [owner.user.id]: 'member',
      [admin.user.id]: 'owner',
      [member.user.id]: 'viewer',
    })
  })
})

describe('DELETE /api/v1/organizations/{organization_id}/members/{user_id}', () => {
  test('takes effect at the next request in every session, which switches to another organization', async () => {
    const { id, owner, member } = await team('member')
    const { body: switched } = await switchTo(id, member.token)
    const { body: key } = await call('POST /api/v1/auth/api-keys', {
      token: switched.access_token,
      body: { name: 'K' },
    })
    expect((await remove(id, owner, member.user.id)).status).toBe(204)
    const { body: me } = await call('GET /api/v1/auth/me', { token: switched.access_token })
    expect(me.organization_id).toBe(member.user.organization_id)
    expect((await call(`GET ${ORGANIZATIONS}/${id}`, { token: switched.access_token })).status).toBe(404)
    const refreshed = await call('POST /api/v1/auth/refresh', { body: { refresh_token: member.refreshToken } })
    expect(JSON.parse(atob(refreshed.body.access_token.split('.')[1])).org).toBe(member.user.organization_id)

    expect((await verify(key.key)).body).toMatchObject({ valid: true, user_id: member.user.id })
    expect(await actsOf(id, 'member.removed')).toMatchObject([
      { actor_id: owner.user.id, target_id: member.user.id, detail: { from: 'member' } },
    ])
  })

  test('leaves no session in the organization if the member switches while being removed', async () => {
    for (let round = 0; round < 3; round++) {
      const { id, owner, member } = await team('member')
      await Promise.all([switchTo(id, member.token), remove(id, owner, member.user.id), switchTo(id, member.token)])
      expect(await rolesIn(id)).toEqual({ [owner.user.id]: 'owner' })
      const { body: me } = await call('GET /api/v1/auth/me', { token: member.token })
      expect(me.organization_id).toBe(member.user.organization_id)
    }
  })
})

describe('POST /api/v1/organizations/{organization_id}/leave: ★ the last owner', () => {
  test('cannot leave, be removed or be demoted; a disabled owner does not count', async () => {
    const { id, owner, member, owner2 } = await team('member', 'owner2')
    await sql.query('update users set is_active = false where id = $1', [owner2.user.id])
    const { id: self } = owner.user
    for (const answer of [
      await leave(id, owner),
      await remove(id, owner, self),
      await setRole(id, owner, self, 'admin'),
    ])
      expect([answer.status, answer.body.code]).toEqual([409, 'last_owner'])
    expect((await leave(id, member)).status).toBe(204)
    expect(await actsOf(id, 'member.left')).toMatchObject([{ actor_id: member.user.id, target_id: member.user.id }])
    await sql.query('update users set is_active = true where id = $1', [owner2.user.id])
    expect((await leave(id, owner)).status).toBe(204)
    expect(await rolesIn(id)).toEqual({ [owner2.user.id]: 'owner' })
    expect((await leave(id, owner)).body.code).toBe('organization_not_found')
  })

  const ways: [string, (id: string, one: Person, other: Person) => Promise<unknown>[]][] = [
    ['leave', (id, one, other) => [leave(id, one), leave(id, other)]],
    ['remove each other', (id, one, other) => [remove(id, one, other.user.id), remove(id, other, one.user.id)]],
    [
      'step down and leave',
      (id, one, other) => [setRole(id, one, one.user.id, 'viewer'), leave(id, other), leave(id, other)],
    ],
    [
      'demote each other',
      (id, one, other) => [setRole(id, one, other.user.id, 'admin'), setRole(id, other, one.user.id, 'admin')],
    ],
    [
      'leave, and delete the account',
      (id, one, other) => [
        leave(id, one),
        call('DELETE /api/v1/auth/me', { token: other.token, body: { password: other.password } }),
      ],
    ],
  ]
  test.each(ways)('remains if two owners %s at once', async (_, both) => {
    for (let round = 0; round < 2; round++) {
      const { id, owner, owner2 } = await team('owner2')
      await Promise.all(both(id, owner, owner2))
      expect(Object.values(await rolesIn(id)).filter((role) => role === 'owner')).toHaveLength(1)
    }
  })
})

describe('POST /api/v1/organizations/{organization_id}/transfer', () => {
  test('makes the member an owner and the owner an admin, and notifies the new one', async () => {
    const { id, owner, viewer } = await team('viewer')
    expect((await transfer(id, owner, viewer.user.id)).status).toBe(204)
    expect(await rolesIn(id)).toEqual({ [owner.user.id]: 'admin', [viewer.user.id]: 'owner' })
    await mailTo(viewer.email, /^You now own Team/)
    expect(await actsOf(id, 'organization.transferred')).toMatchObject([
      { actor_id: owner.user.id, target_id: viewer.user.id, detail: { from: 'viewer', to: 'owner' } },
    ])
  })

  test('is refused to oneself, to a disabled account, and with only an old sign-in', async () => {
    const { id, owner, member } = await team('member')
    expect((await transfer(id, owner, owner.user.id)).body.code).toBe('own_account')
    await sql.query('update users set is_active = false where id = $1', [member.user.id])
    expect((await transfer(id, owner, member.user.id)).body.code).toBe('member_not_found')
    await sql.query('update users set is_active = true where id = $1', [member.user.id])
    await makeStale(owner.user.id)
    expect((await transfer(id, owner, member.user.id)).body.code).toBe('reauthentication_required')
    expect((await transfer(id, owner, member.user.id, { password: owner.password })).status).toBe(204)
  })

  test('is refused if the target is disabled at that moment, and the owner stays', async () => {
    const { id, owner, member } = await team('member')
    const send = globalThis.fetch
    const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (typeof init?.body === 'string' && init.body.includes('organization.transferred')) {
        spy.mockRestore()
        await sql.query('update users set is_active = false where id = $1', [member.user.id])
      }
      return send(input, init)
    })
    expect((await transfer(id, owner, member.user.id)).body.code).toBe('member_not_found')
    expect(await rolesIn(id)).toEqual({ [owner.user.id]: 'owner', [member.user.id]: 'member' })
  })

  test('to two at once ends with one new owner', async () => {
    for (let round = 0; round < 2; round++) {
      const { id, owner, member, viewer } = await team('member', 'viewer')
      const answers = await Promise.all([transfer(id, owner, member.user.id), transfer(id, owner, viewer.user.id)])
      expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['204', '403'])
      expect(Object.values(await rolesIn(id)).filter((role) => role === 'owner')).toHaveLength(1)
    }
  })
})

test('★ 8.2.1 a support session cannot change organizations, members or invitations', async () => {
  const person = await newUser()
  const { body: support } = await call(`POST /api/v1/admin/users/${person.user.id}/impersonate`, {
    token: await administrator(),
    body: { reason: 'Ticket 1' },
  })
  const as = { ...person, token: support.access_token as string }
  const id: string = person.user.organization_id
  const invitations = `${ORGANIZATIONS}/${id}/invitations`
  const answers = await Promise.all([
    create(as.token, { name: 'Not made' }),
    call(`PATCH ${ORGANIZATIONS}/${id}`, { token: as.token, body: { name: 'Not so' } }),
    call(`DELETE ${ORGANIZATIONS}/${id}`, { token: as.token, body: { confirm_name: 'x' } }),
    setRole(id, as, UNKNOWN, 'viewer'),
    remove(id, as, UNKNOWN),
    leave(id, as),
    transfer(id, as, UNKNOWN),
    call(`POST ${invitations}`, { token: as.token, body: { email: 'a@example.com', role: 'viewer' } }),
    call(`POST ${invitations}/${UNKNOWN}/resend`, { token: as.token }),
    call(`DELETE ${invitations}/${UNKNOWN}`, { token: as.token }),
    call(`POST ${ORGANIZATIONS}/invitations/accept`, { token: as.token, body: { token: 'et_x' } }),
  ])
  for (const { body } of answers) expect(body.code).toBe('forbidden_while_impersonating')
  expect((await members(id, as.token)).status).toBe(200)
})
