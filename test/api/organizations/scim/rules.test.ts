import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { call, newUser, verify } from '../../../support/http.ts'
import { addMember, switchTo } from '../../../support/organizations.ts'
import { GROUP_SCHEMA, newDirectory } from '../../../support/scim.ts'
import { hidePlans, sellPlan } from '../../../support/sold-plans.ts'
import { makeStale } from '../../../support/stale-session.ts'

const { sql } = directly()

/** Somebody whose address is one of a directory's domain, confirmed or not. */
async function personAt(email: string, isConfirmed = true) {
  const person = await newUser()
  await sql.query(`update users set email = $2, email_verified_at = case when $3 then now() end where id = $1`, [
    person.user.id,
    email,
    isConfirmed,
  ])
  return person
}

describe('somebody whom a directory sends', () => {
  test('gets an account without a password, and is a member at once', async () => {
    const { provision, roles, address } = await newDirectory('viewer')
    const user = await provision('ada', { name: { givenName: 'Ada', familyName: 'Lovelace' } })
    expect(await roles()).toMatchObject({ ada: 'viewer' })
    const [row] = await sql.query(
      `select name, password_hash, email_verified_at is not null as confirmed from users where email = $1 and id = $2`,
      [address('ada'), user.id],
    )
    expect(row).toEqual({ name: 'Ada Lovelace', password_hash: null, confirmed: true })
  })

  test('keeps an existing account, and the role of an owner', async () => {
    const { id, provision, roles, address, owner } = await newDirectory()
    const [known, boss] = [await personAt(address('ada')), await personAt(address('boss'))]
    await addMember(id, boss.user.id, 'owner')
    expect((await provision('ada')).id).toBe(known.user.id)
    expect((await provision('boss')).id).toBe(boss.user.id)
    expect(await roles()).toEqual({ [owner.email]: 'owner', ada: 'member', boss: 'owner' })
    expect((await call('GET /api/v1/auth/me', known)).status).toBe(200)
  })

  test('is notified of what their organization’s directory changes', async () => {
    const { id, provision, address } = await newDirectory()
    const person = await personAt(address('ada'))
    await provision('ada', { externalId: 'x1', displayName: 'Ada' })
    const { body } = await call('GET /api/v1/auth/me/export', person)
    expect(body.directories).toEqual([
      {
        organization_id: id,
        user_name: address('ada'),
        external_id: 'x1',
        attributes: { displayName: 'Ada', emails: [{ value: address('ada'), type: 'work', primary: true }] },
        created_at: expect.any(String),
      },
    ])
  })

  test('is refused while the operator has disabled the account of an unconfirmed address', async () => {
    const { ask, newBody, address, roles } = await newDirectory()
    await personAt(address('ada'), false)
    await sql.query('update users set is_active = false where email = $1', [address('ada')])
    const { status, body } = await ask('POST /Users', newBody('ada'))
    expect([status, body.scimType, body.detail]).toEqual([409, 'uniqueness', expect.stringContaining('not confirmed')])
    expect(Object.keys(await roles())).toHaveLength(1)
  })

  test('is created once by several concurrent requests', async () => {
    const { ask, newBody, roles } = await newDirectory()
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask('POST /Users', newBody('ada'))))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409])
    expect(await roles()).toMatchObject({ ada: 'member' })
  })

  test('needs a seat to be a member, but not to be known', async () => {
    const { id, ask, newBody, patch } = await newDirectory()
    const plan = await sellPlan('polar', { prices: [{ cents: 500, seat: 500 }], seats: { included: 1, max: 5 } })
    await hidePlans([plan])
    await sql.query('update organizations set plan_id = $2 where id = $1', [id, plan])
    const { status, body } = await ask('POST /Users', newBody('ada'))
    expect([status, body.detail]).toEqual([409, expect.stringContaining('seat')])
    const known = await ask('POST /Users', newBody('ada', { active: false }))
    expect(known.status).toBe(201)
    expect((await patch(`/Users/${known.body.id}`, { op: 'add', path: 'active', value: true })).status).toBe(409)
  })

  test('is not a member while inactive, and only the directory lets them in again', async () => {
    const { provision, patch, roles, ask, path, owner } = await newDirectory()
    const user = await provision('ada', { active: false })
    expect(user.active).toBe(false)
    expect(await roles()).not.toHaveProperty('ada')
    const active = (value: unknown) => patch(`/Users/${user.id}`, { op: 'Replace', path: 'active', value })
    expect((await active('True')).body.active).toBe(true)
    expect(await roles()).toMatchObject({ ada: 'member' })
    expect((await call(`DELETE ${path}/members/${user.id}`, { token: owner.token })).status).toBe(204)
    expect((await ask(`GET /Users/${user.id}`)).body.active).toBe(false)
    expect((await active(true)).body.active).toBe(true)
    expect((await active('False')).body.active).toBe(false)
    const [removed] = await sql.query('select 1 as is from removed_members where user_id = $1', [user.id])
    expect(removed).toEqual({ is: 1 })
  })

  test('loses access with the next request when the directory removes them; their keys keep working', async () => {
    const { id, provision, address, ask, path } = await newDirectory()
    const person = await personAt(address('ada'))
    await provision('ada')
    const token: string = (await switchTo(id, person.token)).body.access_token
    const { key } = (await call('POST /api/v1/auth/api-keys', { token, body: { name: 'k' } })).body
    expect((await call(`GET ${path}/members`, { token })).status).toBe(200)
    expect((await ask(`DELETE /Users/${person.user.id}`)).status).toBe(204)
    expect((await call(`GET ${path}/members`, { token })).status).toBe(404)
    expect((await verify(key)).body).toMatchObject({ valid: true, organization_id: id })
  })
})

describe('what the directory says of somebody', () => {
  test('applies from the start to whoever was a member before', async () => {
    const { id, provision, roles, address } = await newDirectory('viewer')
    const [admin, leaver] = [await personAt(address('admin')), await personAt(address('leaver'))]
    await addMember(id, admin.user.id, 'admin')
    await addMember(id, leaver.user.id, 'member')
    await provision('admin')
    expect((await provision('leaver', { active: false })).active).toBe(false)
    expect(await roles()).toMatchObject({ admin: 'viewer' })
    expect(await roles()).not.toHaveProperty('leaver')
  })

  test('does not bring back a user whose address has changed or is unconfirmed', async () => {
    const { provision, patch, roles } = await newDirectory()
    const user = await provision('ada')
    const activate = () => patch(`/Users/${user.id}`, { op: 'replace', path: 'active', value: true })
    await patch(`/Users/${user.id}`, { op: 'replace', path: 'active', value: false })
    await sql.query(`update users set email = $2 where id = $1`, [user.id, `${crypto.randomUUID()}@example.com`])
    expect((await activate()).status).toBe(403)
    await sql.query(`update users set email = $2, email_verified_at = null where id = $1`, [user.id, user.userName])
    expect((await activate()).status).toBe(403)
    expect(await roles()).not.toHaveProperty('ada')
  })

  test('does not remove a user whose account the operator disabled, unless it says so', async () => {
    const { provision, patch, roles } = await newDirectory()
    const user = await provision('ada')
    await sql.query('update users set is_active = false where id = $1', [user.id])
    const renamed = await patch(`/Users/${user.id}`, { op: 'replace', path: 'displayName', value: 'Ada' })
    expect(renamed.body).toMatchObject({ active: true, displayName: 'Ada' })
    expect(await roles()).toMatchObject({ ada: 'member' })
  })

  test('is applied or refused as a whole, whatever attributes the query selects', async () => {
    const { ask, newBody } = await newDirectory()
    const { status, body } = await ask('POST /Users?count=many&attributes=userName', newBody('ada'))
    expect([status, Object.keys(body)]).toEqual([201, ['schemas', 'id', 'userName']])
  })
})

describe('owners', () => {
  test('are neither removed nor given another role by a directory', async () => {
    const { id, provision, newBody, address, patch, ask, roles, group, setRole } = await newDirectory()
    const boss = await personAt(address('boss'))
    await addMember(id, boss.user.id, 'owner')
    await provision('boss')
    await setRole((await group('Viewers', boss.user.id)).id, 'viewer')
    const refused = await patch(`/Users/${boss.user.id}`, { op: 'replace', path: 'active', value: false })
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('owner')])
    expect((await ask(`DELETE /Users/${boss.user.id}`)).status).toBe(403)
    const chief = await personAt(address('chief'))
    await addMember(id, chief.user.id, 'owner')
    expect((await ask('POST /Users', newBody('chief', { active: false }))).status).toBe(403)
    expect(await roles()).toMatchObject({ boss: 'owner' })
  })
})

describe('the role of a group', () => {
  test('is that of its people; the highest counts, and the default applies without one', async () => {
    const { provision, group, setRole, roles, patch, ask } = await newDirectory('viewer')
    const user = await provision('ada')
    const [admins, staff] = [await group('Admins', user.id), await group('Staff', user.id)]
    expect(await roles()).toMatchObject({ ada: 'viewer' })
    expect((await setRole(staff.id, 'member')).body).toMatchObject({ name: 'Staff', role: 'member', member_count: 1 })
    expect(await roles()).toMatchObject({ ada: 'member' })
    await setRole(admins.id, 'admin')
    expect(await roles()).toMatchObject({ ada: 'admin' })
    await patch(`/Groups/${admins.id}`, { op: 'remove', path: 'members', value: [{ value: user.id }] })
    expect(await roles()).toMatchObject({ ada: 'member' })
    await ask(`DELETE /Groups/${staff.id}`)
    expect(await roles()).toMatchObject({ ada: 'viewer' })
  })

  test('waits while a user is inactive', async () => {
    const { provision, group, setRole, roles, patch } = await newDirectory()
    const user = await provision('ada', { active: false })
    await setRole((await group('Admins', user.id)).id, 'admin')
    await patch(`/Users/${user.id}`, { op: 'replace', value: { active: true } })
    expect(await roles()).toMatchObject({ ada: 'admin' })
  })

  test('does not affect members whom the directory did not send', async () => {
    const { id, setRole, group, roles } = await newDirectory('viewer')
    const guest = await newUser()
    await addMember(id, guest.user.id, 'admin')
    await setRole((await group('Empty')).id, 'member')
    expect(await roles()).toMatchObject({ [guest.email]: 'admin' })
  })

  test('is recorded in the audit log, as are joins and departures', async () => {
    const { id, provision, group, setRole, ask } = await newDirectory()
    const user = await provision('ada')
    await setRole((await group('Admins', user.id)).id, 'admin')
    await ask(`DELETE /Users/${user.id}`)
    const rows = await sql.query(
      `select action, actor_type, detail from audit_logs where organization_id = $1 and target_id = $2 order by id`,
      [id, user.id],
    )
    expect(rows).toEqual([
      { action: 'member.joined', actor_type: 'system', detail: { role: 'member', by: 'directory' } },
      { action: 'member.role_changed', actor_type: 'system', detail: { from: 'member', to: 'admin', by: 'directory' } },
      { action: 'member.removed', actor_type: 'system', detail: { from: 'admin', by: 'directory' } },
    ])
  })
})

describe('a directory', () => {
  test('neither sees nor changes anything of another organization', async () => {
    const [mine, other] = [await newDirectory(), await newDirectory()]
    const user = await other.provision('ada')
    const team = await other.group('Team', user.id)
    const member = { schemas: [GROUP_SCHEMA], displayName: 'X', members: [{ value: user.id }] }
    const answers = await Promise.all([
      mine.ask(`GET /Users/${user.id}`),
      mine.ask(`PUT /Users/${user.id}`, mine.newBody('ada')),
      mine.patch(`/Users/${user.id}`, { op: 'replace', path: 'active', value: false }),
      mine.ask(`DELETE /Users/${user.id}`),
      mine.ask(`GET /Groups/${team.id}`),
      mine.ask(`PUT /Groups/${team.id}`, { ...member, members: [] }),
      mine.ask(`DELETE /Groups/${team.id}`),
      mine.setRole(team.id, 'admin'),
    ])
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(404))
    expect((await mine.ask('POST /Groups', member)).body.scimType).toBe('invalidValue')
    expect((await mine.ask('GET /Users')).body.totalResults).toBe(0)
    expect((await other.ask(`GET /Users/${user.id}`)).body).toMatchObject({
      active: true,
      groups: [{ value: team.id }],
    })
    expect((await mine.ask('POST /Users', other.newBody('bob'))).body.scimType).toBe('invalidValue')
  })

  test('is set up by owners with a fresh sign-in; admins see it', async () => {
    const { id, path, owner } = await newDirectory('viewer')
    const [admin, member] = [await newUser(), await newUser()]
    await addMember(id, admin.user.id, 'admin')
    await addMember(id, member.user.id, 'member')
    const shown = await call(`GET ${path}/directory`, admin)
    expect(shown.body).toEqual({
      base_url: 'https://tollgate.test/scim/v2',
      default_role: 'viewer',
      has_token: true,
      user_count: 0,
      group_count: 0,
      last_used_at: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect((await call(`GET ${path}/directory`, member)).body.code).toBe('forbidden')
    const tries = (token: string, more = {}) =>
      Promise.all([
        call(`PUT ${path}/directory`, { token, body: { default_role: 'member', ...more } }),
        call(`POST ${path}/directory/token`, { token, body: more }),
        call(`PATCH ${path}/directory/groups/${crypto.randomUUID()}`, { token, body: { role: null, ...more } }),
      ]).then((answers) => answers.map(({ status, body }) => body.code ?? status))
    expect(await tries(admin.token)).toEqual(['forbidden', 'forbidden', 'forbidden'])
    await makeStale(owner.user.id)
    expect(await tries(owner.token)).toEqual(Array(3).fill('reauthentication_required'))
    const { password } = owner
    expect(await tries(owner.token, { password })).toEqual([200, 200, 'directory_group_not_found'])
    expect((await call(`DELETE ${path}/directory`, owner)).body.code).toBe('reauthentication_required')
  })

  test('leaves its people unchanged when it is removed, and its token ends', async () => {
    const { path, owner, provision, group, setRole, roles, ask } = await newDirectory()
    const user = await provision('ada')
    await setRole((await group('Admins', user.id)).id, 'admin')
    expect((await ask('GET /Users')).body.totalResults).toBe(1)
    expect((await call(`GET ${path}/directory`, { token: owner.token })).body.last_used_at).toBeTruthy()
    const listed = await call(`GET ${path}/directory/groups`, { token: owner.token })
    expect(listed.body).toMatchObject({ data: [{ name: 'Admins', role: 'admin' }], next_cursor: null })
    expect((await call(`DELETE ${path}/directory`, { token: owner.token })).status).toBe(204)
    expect((await ask('GET /Users')).status).toBe(401)
    expect(await roles()).toMatchObject({ ada: 'admin' })
    for (const line of [`GET ${path}/directory`, `DELETE ${path}/directory`, `POST ${path}/directory/token`])
      expect((await call(line, { token: owner.token })).body.code).toBe('directory_not_found')
  })
})
