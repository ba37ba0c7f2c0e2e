import { describe, expect, test, vi } from 'vitest'
import guide from '../../../docs/guides/organizations.md?raw'
import { ROLES } from '../../../src/auth/roles.ts'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'
import { confirmAddress } from '../../support/mail.ts'
import { ORGANIZATIONS, rolesIn } from '../../support/organizations.ts'
import { codeOf, newRoleMaker, type Person } from '../../support/roles.ts'
import { newDirectory } from '../../support/scim.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()

const me = async ({ token }: Person) => (await call('GET /api/v1/auth/me', { token })).body

describe('a role of an organization', () => {
  test('is listed after the built-in ones, with the number of its members', async () => {
    const { id, ask, make, join } = await newRoleMaker()
    const made = await make('support', ['usage:events', 'usage:read'])
    expect(made).toMatchObject({
      status: 201,
      body: {
        name: 'support',
        description: null,
        permissions: ['organization:read', 'usage:read', 'usage:events'],
        is_built_in: false,
        member_count: 0,
      },
    })
    await ask('POST /roles', { name: 'billing', description: 'Pays', permissions: ['billing:read', 'billing:read'] })
    const viewer = await join('viewer')
    await join('support')
    const { body } = await ask('GET /roles', undefined, viewer)
    expect(body.data.map((one: any) => [one.name, one.is_built_in, one.member_count])).toEqual([
      ['viewer', true, 1],
      ['member', true, 0],
      ['admin', true, 0],
      ['owner', true, 1],
      ['billing', false, 0],
      ['support', false, 1],
    ])
    expect(body.data[2]).toMatchObject({ permissions: ROLES.admin, created_at: null })
    const acts = await sql.query(
      `select target_type, target_id, detail from audit_logs where organization_id = $1 and action = 'role.created' order by id`,
      [id],
    )
    expect(acts[0]).toEqual({
      target_type: 'role',
      target_id: 'support',
      detail: { permissions: ['organization:read', 'usage:read', 'usage:events'] },
    })
  })

  test('allows exactly what it names, here and for whoever verifies the token', async () => {
    const { id, make, join } = await newRoleMaker()
    await make('billing', ['usage:read', 'billing:read'])
    const person = await join('billing')
    expect(await me(person)).toMatchObject({
      role: 'billing',
      permissions: ['organization:read', 'usage:read', 'billing:read'],
    })
    const get = async (path: string) => codeOf(await call(`GET /api/v1/${path}`, { token: person.token }))
    expect(await get('auth/usage/stats')).toEqual([200, undefined])
    expect(await get('billing/spend-cap')).toEqual([200, undefined])
    expect(await get('auth/api-keys')).toEqual([403, 'forbidden'])
    const refused = await call('GET /api/v1/auth/api-keys', { token: person.token })
    expect(refused.body.detail).toBe('The role billing lacks keys:read.')
    const reader = await administrator()
    const verdictOf = async (permission: string) => {
      const body = { token: person.token, organization_id: id, permission }
      const { code, role } = (await call('POST /api/v1/tokens/verify', { token: reader, body })).body
      return [code, role]
    }
    expect(await verdictOf('billing:read')).toEqual(['VALID', 'billing'])
    expect(await verdictOf('billing:write')).toEqual(['FORBIDDEN', undefined])
  })

  test('changes for all who have it from their next request on', async () => {
    const { id, ask, make, join } = await newRoleMaker()
    await make('keeper', ['keys:read'])
    const person = await join('keeper')
    const issue = () => call('POST /api/v1/auth/api-keys', { token: person.token, body: { name: 'Key' } })
    expect(codeOf(await issue())).toEqual([403, 'forbidden'])
    const changed = await ask('PATCH /roles/keeper', { permissions: ['keys:read', 'keys:write'] })
    expect(changed).toMatchObject({ status: 200, body: { description: null, member_count: 1 } })
    expect((await issue()).status).toBe(201)
    await ask('PATCH /roles/keeper', { description: 'Keeps the keys' })
    expect((await me(person)).permissions).toEqual(['organization:read', 'keys:read', 'keys:write'])
    await ask('PATCH /roles/keeper', { permissions: ['keys:read'] })
    expect(codeOf(await issue())).toEqual([403, 'forbidden'])
    const acts = await sql.query(
      `select detail from audit_logs where organization_id = $1 and action = 'role.updated' order by id`,
      [id],
    )
    expect(acts.map(({ detail }) => detail.to)).toMatchObject([
      { permissions: ['organization:read', 'keys:read', 'keys:write'], description: null },
      { description: 'Keeps the keys' },
      { permissions: ['organization:read', 'keys:read'] },
    ])
  })

  test.each([
    ['name', { name: 'owner', permissions: ['keys:read'] }, 'built-in'],
    ['name', { name: 'Billing', permissions: ['keys:read'] }, 'lower-case'],
    ['name', { name: 'b', permissions: ['keys:read'] }, '2'],
    ['permissions', { name: 'billing', permissions: [] }, 'empty'],
    ['permissions.1', { name: 'billing', permissions: ['keys:read', 'owners:write'] }, 'one of'],
    ['permissions.0', { name: 'billing', permissions: ['organization:delete'] }, 'one of'],
    ['permissions.0', { name: 'billing', permissions: ['keys:*'] }, 'one of'],
  ])('is refused with a wrong %s: %j', async (field, body, message) => {
    const { ask } = await newRoleMaker()
    const refused = await ask('POST /roles', body)
    expect(codeOf(refused)).toEqual([400, 'invalid_request'])
    expect(refused.body.errors).toEqual([{ path: `body.${field}`, message: expect.stringContaining(message) }])
  })

  test('is created as the guide says', async () => {
    const { ask } = await newRoleMaker()
    const [, body = ''] = /### Roles of your own[^]*?```json\n([^]*?)\n```/.exec(guide) ?? []
    const { status, body: made } = await ask('POST /roles', JSON.parse(body))
    expect([status, made.name, made.description]).toEqual([201, 'billing', 'Pays the invoices'])
  })

  test('has a unique name, and there are at most 50', async () => {
    const { id, make } = await newRoleMaker()
    expect((await make('billing', ['billing:read'])).status).toBe(201)
    const refused = await make('billing', ['keys:read'])
    expect([refused.status, refused.body.code, refused.body.errors[0].path]).toEqual([409, 'role_exists', 'body.name'])
    await sql.query(
      `insert into roles (organization_id, name, permissions)
       select $1, 'role-' || n, '{organization:read}' from generate_series(1, 48) n`,
      [id],
    )
    const answers = await Promise.all(['one', 'two', 'three'].map((name) => make(name, ['keys:read'])))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403, 403])
    expect(answers.find(({ status }) => status === 403)?.body.code).toBe('role_limit_reached')
  })

  test('is deleted only if nothing has it; otherwise the response says what has it', async () => {
    const { ask, make, join, give } = await newRoleMaker()
    await make('billing', ['billing:read'])
    const person = await join('billing')
    await ask('POST /invitations', { email: `i-${crypto.randomUUID()}@example.com`, role: 'billing' })
    const refused = await ask('DELETE /roles/billing')
    expect(codeOf(refused)).toEqual([409, 'role_in_use'])
    expect(refused.body.detail).toBe('It belongs to 1 member and 1 invitation. Give them another role first.')
    await give('viewer', person)
    const { body } = await ask('GET /invitations')
    await ask(`DELETE /invitations/${body.data[0].id}`)
    expect((await ask('DELETE /roles/billing')).status).toBe(204)
    expect(codeOf(await ask('DELETE /roles/billing'))).toEqual([404, 'role_not_found'])
    expect(codeOf(await give('billing', person))).toEqual([404, 'role_not_found'])
  })

  test('is never deleted while somebody is given it at the same time', async () => {
    const { id, ask, make, join, give } = await newRoleMaker()
    const person = await join('viewer')
    for (let round = 0; round < 8; round++) {
      await make('billing', ['billing:read'])
      const [given, deleted] = await Promise.all([give('billing', person), ask('DELETE /roles/billing')])
      const role = (await rolesIn(id))[person.user.id]
      const isThere = (await ask('GET /roles')).body.data.some((one: any) => one.name === 'billing')
      expect([given.status, deleted.status, role, isThere]).toEqual(
        deleted.status === 204 ? [404, 204, 'viewer', false] : [200, 409, 'billing', true],
      )
      await give('viewer', person)
      if (isThere) await ask('DELETE /roles/billing')
    }
  })

  test('cannot replace a built-in one', async () => {
    const { ask } = await newRoleMaker()
    expect(codeOf(await ask('PATCH /roles/admin', { permissions: ['keys:read'] }))).toEqual([409, 'role_built_in'])
    expect(codeOf(await ask('DELETE /roles/viewer'))).toEqual([409, 'role_built_in'])
  })
})

describe('the operator', () => {
  test('creates roles for customers with a service key, and assigns people to them', async () => {
    const { id, path, join } = await newRoleMaker()
    const { key: token } = await newServiceKey('platform:organizations:read', 'platform:organizations:write')
    const body = { name: 'billing', permissions: ['billing:read', 'billing:write'] }
    expect((await call(`POST ${path}/roles`, { token, body })).status).toBe(201)
    const person = await join('viewer')
    const given = await call(`PATCH ${path}/members/${person.user.id}`, { token, body: { role: 'billing' } })
    expect(given).toMatchObject({ status: 200, body: { role: 'billing' } })
    const { user, email } = await newUser()
    await confirmAddress(email)
    const add = (role: string) =>
      call(`POST /api/v1/admin/organizations/${id}/members`, { token, body: { email, role } })
    expect(codeOf(await add('gone'))).toEqual([404, 'role_not_found'])
    expect(await add('billing')).toMatchObject({ status: 201, body: { user_id: user.id, role: 'billing' } })
    const created = await call('POST /api/v1/admin/users', {
      token: await administrator(),
      body: { email: `n-${crypto.randomUUID()}@example.com`, organization_id: id, role: 'nobody' },
    })
    expect(codeOf(created)).toEqual([404, 'role_not_found'])
  })

  test('has only built-in roles in the platform organization', async () => {
    const [row] = await sql.query('select id from organizations where is_platform')
    const token = await administrator()
    const refused = await call(`POST ${ORGANIZATIONS}/${row?.id}/roles`, {
      token,
      body: { name: 'billing', permissions: ['billing:read'] },
    })
    expect(codeOf(refused)).toEqual([409, 'platform_organization'])
  })
})

test('of the roles that groups of a directory give, the one that allows the most counts, even after it changes', async () => {
  const { owner, path, provision, group, roles, setRole } = await newDirectory('viewer')
  const ask = (line: string, body?: object) =>
    call(line.replace(' /', ` ${path}/`), { token: owner.token, ...(body && { body }) })
  await ask('POST /roles', { name: 'small', permissions: ['billing:read'] })
  await ask('POST /roles', { name: 'large', permissions: ['billing:read', 'audit:read'] })
  const ada = await provision('ada')
  const [one, other] = [await group('One', ada.id), await group('Other', ada.id)]
  await setRole(one.id, 'small')
  await setRole(other.id, 'large')
  expect((await roles()).ada).toBe('large')
  await ask('PATCH /roles/small', { permissions: ['billing:read', 'billing:write', 'usage:read'] })
  expect((await roles()).ada).toBe('small')
  expect(codeOf(await setRole(other.id, 'gone'))).toEqual([404, 'role_not_found'])
  expect(codeOf(await setRole(other.id, 'owner'))).toEqual([400, 'invalid_request'])
  const refused = await ask('DELETE /roles/large')
  expect([codeOf(refused), refused.body.detail]).toEqual([
    [409, 'role_in_use'],
    'It belongs to 1 group. Give them another role first.',
  ])
})
