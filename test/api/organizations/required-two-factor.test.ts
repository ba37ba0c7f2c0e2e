import { exports } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser, verify } from '../../support/http.ts'
import { addMember, ORGANIZATIONS, switchTo } from '../../support/organizations.ts'
import { switchOnTwoFactor } from '../../support/two-factor.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const require = (id: string, token: string, requires_two_factor: boolean) =>
  call(`PATCH ${ORGANIZATIONS}/${id}`, { token, body: { requires_two_factor } })

/** An organization that requires a second factor, its owner who has one, and a member who has none. */
async function strictOrganization(role = 'member') {
  const [owner, member] = await Promise.all([newUser(), newUser()])
  const id = owner.user.organization_id as string
  await addMember(id, member.user.id, role)
  await switchOnTwoFactor(owner)
  expect((await require(id, owner.token, true)).body).toMatchObject({ id, requires_two_factor: true })
  return { id, owner, member, path: `${ORGANIZATIONS}/${id}` }
}

describe('PATCH /organizations/{organization_id} with requires_two_factor', () => {
  test('is for owners who have a second factor themselves, and is recorded in the audit log', async () => {
    const [owner, admin] = await Promise.all([newUser(), newUser()])
    const id = owner.user.organization_id as string
    await addMember(id, admin.user.id, 'admin')
    expect((await call(`GET ${ORGANIZATIONS}/${id}`, owner)).body.requires_two_factor).toBe(false)
    expect((await require(id, owner.token, true)).body.code).toBe('two_factor_required')
    await switchOnTwoFactor(admin)
    expect((await require(id, admin.token, true)).body.code).toBe('forbidden')
    await switchOnTwoFactor(owner)
    expect((await require(id, owner.token, true)).status).toBe(200)
    expect((await require(id, admin.token, false)).body.code).toBe('forbidden')
    const [row] = await sql.query(
      `select detail from audit_logs where organization_id = $1 and action = 'organization.updated'`,
      [id],
    )
    expect(row?.detail).toEqual({ from: { requires_two_factor: false }, to: { requires_two_factor: true } })
    expect((await require(id, owner.token, false)).body.requires_two_factor).toBe(false)
  })
})

describe('a member without a second factor', () => {
  test('can only view and leave an organization that requires one', async () => {
    const { id, owner, member, path } = await strictOrganization('owner')
    const { token } = member
    const refused = [
      call(`GET ${path}/members`, { token }),
      call(`GET ${path}/invitations`, { token }),
      call(`PATCH ${path}`, { token, body: { name: 'Mine' } }),
      call(`GET /api/v1/auth/api-keys?organization_id=${id}`, { token }),
      call('POST /api/v1/auth/api-keys', { token, body: { name: 'k', organization_id: id } }),
      call(`DELETE ${path}`, { token, body: { confirm_name: 'x' } }),
    ]
    for (const { status, body } of await Promise.all(refused))
      expect([status, body.code]).toEqual([403, 'two_factor_required'])
    expect((await call(`GET ${path}`, { token })).body).toMatchObject({ requires_two_factor: true, role: 'owner' })
    expect((await call(`POST ${path}/leave`, { token })).status).toBe(204)
    expect((await call(`GET ${path}/members`, owner)).body.data).toHaveLength(1)
  })

  test('learns what is missing, has no permissions there meanwhile, and all of them once it is enabled', async () => {
    const { id, member, path } = await strictOrganization()
    const elsewhere = await call('GET /api/v1/auth/me', member)
    expect(elsewhere.body).toMatchObject({ unmet_requirement: null, role: 'owner' })
    const token: string = (await switchTo(id, member.token)).body.access_token
    const me = () => call('GET /api/v1/auth/me', { token })
    expect((await me()).body).toMatchObject({ unmet_requirement: 'two_factor', permissions: [], role: 'member' })
    expect((await call(`GET /api/v1/auth/api-keys`, { token })).body.code).toBe('two_factor_required')
    await switchOnTwoFactor({ ...member, token })
    expect((await me()).body).toMatchObject({ unmet_requirement: null, role: 'member' })
    expect((await me()).body.permissions).toContain('keys:write')
    expect((await call(`GET ${path}/members`, { token })).status).toBe(200)
  })

  test('is visible to those who manage members, and to nobody else', async () => {
    const { owner, member, path } = await strictOrganization('viewer')
    const list = async (token: string) =>
      (await call(`GET ${path}/members`, { token })).body.data.map((one: any) => one.two_factor_enabled)
    expect(await list(owner.token)).toEqual([true, false])
    expect(await list(await administrator())).toEqual([true, false])
    await switchOnTwoFactor(member)
    expect(await list(member.token)).toEqual([null, null])
  })

  test('can still accept an invitation, and acts once they have one', async () => {
    const { owner, path } = await strictOrganization()
    const guest = await newUser()
    const invited = await call(`POST ${path}/invitations`, { ...owner, body: { email: guest.email, role: 'viewer' } })
    expect(invited.status).toBe(201)
    await sql.query(`update invitations set token_hash = sha256($2::bytea) where id = $1`, [invited.body.id, 'a-token'])
    const accepted = await call('POST /api/v1/organizations/invitations/accept', {
      ...guest,
      body: { token: 'a-token' },
    })
    expect(accepted.status).toBe(200)
    expect((await call(`GET ${path}/members`, guest)).body.code).toBe('two_factor_required')
  })

  test('does not get through with a token that another service presents', async () => {
    const { id, member } = await strictOrganization()
    const ask = () =>
      exports.Tollgate.verifyToken({ token: member.token, organization_id: id, permission: 'keys:read' })
    const unasked = async () =>
      exports.Tollgate.verifyToken({ token: (await switchTo(id, member.token)).body.access_token })
    expect(await ask()).toMatchObject({ valid: false, code: 'FORBIDDEN' })
    expect(await unasked()).toMatchObject({ valid: true, organization_id: null, role: null })
    await switchOnTwoFactor(member)
    expect(await ask()).toMatchObject({ valid: true, role: 'member' })
    expect(await unasked()).toMatchObject({ valid: true, organization_id: id, role: 'member' })
  })
})

test('the keys of an organization that requires a second factor verify as before', async () => {
  const owner = await newUser()
  const { body } = await call('POST /api/v1/auth/api-keys', { ...owner, body: { name: 'k' } })
  await switchOnTwoFactor(owner)
  await require(owner.user.organization_id, owner.token, true)
  expect((await verify(body.key)).body.code).toBe('VALID')
})
