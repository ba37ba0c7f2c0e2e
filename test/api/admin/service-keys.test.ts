import { describe, expect, test, vi } from 'vitest'
import { PLATFORM_SCOPES } from '../../../src/auth/service-scopes.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, verify } from '../../support/http.ts'
import { addMember } from '../../support/organizations.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const KEYS = '/api/v1/admin/service-keys'

async function issue(scopes: string[], more: Record<string, unknown> = {}) {
  return call(`POST ${KEYS}`, { token: await administrator(), body: { name: 'Back end', scopes, ...more } })
}

async function serviceKey(...scopes: string[]): Promise<string> {
  const { status, body } = await issue(scopes)
  expect(status).toBe(201)
  return body.key
}

/** An organization with an external id of the operator. */
async function newCustomer() {
  const holder = await newKeyHolder()
  const externalId = `customer/${crypto.randomUUID()} ü`
  await directly().sql.query('update organizations set external_id = $2 where id = $1', [
    holder.organizationId,
    externalId,
  ])
  return { ...holder, externalId, encoded: encodeURIComponent(externalId) }
}

describe(`POST ${KEYS}`, () => {
  test('the key is shown once, and its scopes are from the list or wildcards of it', async () => {
    const { status, body } = await issue(['platform:keys:*', 'platform:verify'])
    expect(status).toBe(201)
    expect(body).toMatchObject({ key_prefix: 'sk', scopes: ['platform:keys:*', 'platform:verify'] })
    expect(body.key).toMatch(/^sk_live_/)
    const shown = await call(`GET ${KEYS}/${body.id}`, { token: await administrator() })
    expect(shown.body).toEqual({ ...body, key: undefined })
    expect((await issue(Object.keys(PLATFORM_SCOPES))).status).toBe(201)
  })

  test.each([
    'platform:everything',
    'platform:keys',
    'platform:keys:delete',
    'platform:nothing:*',
    'tollgate:keys:read',
    '*',
    'reports:read',
  ])('%s is not a scope of a service key, and the response names the field', async (scope) => {
    const { status, body } = await issue(['platform:verify', scope])
    expect([status, body.code, body.errors[0].path]).toEqual([400, 'invalid_request', 'body.scopes.1'])
  })

  test('a service key cannot create a service key, whatever its scopes', async () => {
    const token = await serviceKey('platform:*')
    const attempts = await Promise.all([
      call(`POST ${KEYS}`, { token, body: { name: 'Another', scopes: ['platform:verify'] } }),
      call('POST /api/v1/auth/api-keys', { token, body: { name: 'Another', scopes: ['platform:verify'] } }),
      call(`GET ${KEYS}`, { token }),
    ])
    expect(attempts.map(({ status }) => status)).toEqual([403, 400, 403])
  })

  test('it is changed, rotated with a grace period and revoked like other keys, and each action is audited', async () => {
    const token = await administrator()
    const { body: first } = await issue(['platform:usage:read'])
    const changed = await call(`PATCH ${KEYS}/${first.id}`, { token, body: { scopes: ['platform:keys:read'] } })
    expect([changed.status, changed.body.scopes]).toEqual([200, ['platform:keys:read']])
    const rotated = await call(`POST ${KEYS}/${first.id}/rotate`, { token, body: { grace_period_seconds: 60 } })
    expect([rotated.status, rotated.body.rotated_from]).toEqual([201, first.id])
    expect((await call(`DELETE ${KEYS}/${rotated.body.id}`, { token })).status).toBe(204)
    const list = `GET /api/v1/auth/api-keys?organization_id=${(await newUser()).user.organization_id}`
    expect((await call(list, { token: rotated.body.key })).status).toBe(401)
    expect((await call(list, { token: first.key })).status).toBe(200)
    const actionsOn = async (id: string): Promise<string[]> => {
      const { body } = await call(`GET /api/v1/admin/audit-logs?target_id=${id}&limit=100`, { token })
      return body.data.map(({ action }: any) => action as string)
    }
    const actions = [...(await actionsOn(first.id)), ...(await actionsOn(rotated.body.id))]
    expect(actions.toSorted()).toEqual(['key.issued', 'key.revoked', 'key.rotated', 'key.updated'])
  })

  test("only service keys are listed, and a customer's key is not found under its id", async () => {
    const token = await administrator()
    const { body: one } = await issue(['platform:verify'])
    const { keyId } = await newKeyHolder()
    const { body } = await call(`GET ${KEYS}?limit=100`, { token })
    const isService = ({ scopes }: any) => scopes.some((scope: string) => scope.startsWith('platform:'))
    expect(body.data.every(isService)).toBe(true)
    expect(body.data.map(({ id }: any) => id)).toContain(one.id)
    expect((await call(`GET ${KEYS}/${keyId}`, { token })).body.code).toBe('key_not_found')
    expect((await call(`DELETE ${KEYS}/${keyId}`, { token })).body.code).toBe('key_not_found')
  })

  test('the routes do not exist for anybody but administrators', async () => {
    const { token } = await newUser()
    expect((await call(`GET ${KEYS}`, { token })).body.code).toBe('not_found')
  })
})

describe('a request with a service key names the organization', () => {
  test('by its id or by the operator’s own id, in query, body or path', async () => {
    const { organizationId, externalId, encoded, keyId } = await newCustomer()
    const token = await serviceKey('platform:keys:*', 'platform:usage:read', 'platform:organizations:read')
    const ids = async (line: string) => (await call(line, { token })).body.data?.map(({ id }: any) => id)
    expect(await ids(`GET /api/v1/auth/api-keys?organization_id=${organizationId}`)).toEqual([keyId])
    expect(await ids(`GET /api/v1/auth/api-keys?external_id=${encoded}`)).toEqual([keyId])
    const members = await call(`GET /api/v1/organizations/external_id:${encoded}/members`, { token })
    expect([members.status, members.body.data.length]).toEqual([200, 1])
    expect((await call(`GET /api/v1/quotas?external_id=${encoded}`, { token })).status).toBe(200)
    const body = { name: 'Theirs', external_id: externalId }
    const issued = await call('POST /api/v1/auth/api-keys', { token, body })
    expect(issued.body).toMatchObject({ organization_id: organizationId, created_by: null })
    expect((await verify(issued.body.key)).body).toMatchObject({ valid: true, external_id: externalId })
  })

  test.each([
    ['nothing', '', 400, 'organization_unnamed'],
    ['an external_id that nobody has', '?external_id=nobody', 404, 'organization_not_found'],
    ['an empty external_id', '?external_id=', 400, 'invalid_request'],
    ['an external_id with a control character', '?external_id=a%0Ab', 400, 'invalid_request'],
    ['an external_id of 256 characters', `?external_id=${'x'.repeat(256)}`, 400, 'invalid_request'],
  ])('and naming %s is one clear problem', async (_what, query, status, code) => {
    const token = await serviceKey('platform:usage:read')
    const answer = await call(`GET /api/v1/quotas${query}`, { token })
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  test('and two ids that disagree do nothing', async () => {
    const [one, other] = [await newCustomer(), await newCustomer()]
    const token = await serviceKey('platform:keys:*')
    const body = { name: 'Whose?', organization_id: one.organizationId, external_id: other.externalId }
    expect((await call('POST /api/v1/auth/api-keys', { token, body })).body.code).toBe('organization_mismatch')
    const agreed = { ...body, external_id: one.externalId }
    expect((await call('POST /api/v1/auth/api-keys', { token, body: agreed })).status).toBe(201)
  })

  test('and never the platform organization, whose keys are other service keys', async () => {
    const token = await serviceKey('platform:*')
    const [platform] = await directly().sql.query('select id from organizations where is_platform')
    const answer = await call(`GET /api/v1/auth/api-keys?organization_id=${platform?.id}`, { token })
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
  })

  test('and grants a customer’s key no scope over Tollgate that it could not use itself', async () => {
    const { organizationId } = await newCustomer()
    const token = await serviceKey('platform:keys:write')
    const wish = (scope: string) =>
      call('POST /api/v1/auth/api-keys', {
        token,
        body: { name: 'x', organization_id: organizationId, scopes: [scope] },
      })
    expect((await wish('tollgate:keys:write')).status).toBe(201)
    expect((await wish('tollgate:webhooks:write')).status).toBe(403)
    expect((await wish('platform:verify')).status).toBe(403)
  })
})

test('an administrator names any organization; one who is also a member of it acts by the role', async () => {
  const { organizationId, encoded, keyId, token: owner } = await newCustomer()
  const token = await administrator()
  const line = `GET /api/v1/auth/api-keys?external_id=${encoded}`
  expect((await call(line, { token })).body.data.map(({ id }: any) => id)).toEqual([keyId])
  const body = { name: 'By support', organization_id: organizationId }
  expect((await call('POST /api/v1/auth/api-keys', { token, body })).status).toBe(201)
  const { body: log } = await call('GET /api/v1/audit-logs?action=key.issued', { token: owner })
  expect(log.data.map(({ actor }: any) => actor.type)).toEqual(['administrator', 'user'])
  const stranger = await newUser()
  expect((await call(line, { token: stranger.token })).body.code).toBe('organization_not_found')
})

test('the audit log records which service key acted, and on whose behalf it says it did', async () => {
  const { organizationId, token: owner } = await newCustomer()
  const { body: service } = await issue(['platform:keys:write'])
  const body = { name: 'For Ada', organization_id: organizationId }
  const headers = { 'Tollgate-Actor': 'ada@customer.example' }
  expect((await call('POST /api/v1/auth/api-keys', { token: service.key, body, headers })).status).toBe(201)
  const { body: log } = await call('GET /api/v1/audit-logs?action=key.issued&limit=1', { token: owner })
  expect(log.data[0]).toMatchObject({
    actor: { type: 'service', id: service.id },
    detail: { on_behalf_of: 'ada@customer.example' },
    ip: null,
  })
  const tooLong = { 'Tollgate-Actor': 'x'.repeat(201) }
  const refused = await call('POST /api/v1/auth/api-keys', { token: service.key, body, headers: tooLong })
  expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'header.Tollgate-Actor'])
  const person = await call('GET /api/v1/auth/me', { token: owner, headers })
  expect([person.status, person.body.errors[0].path]).toEqual([400, 'header.Tollgate-Actor'])
})

test('a member of the platform organization who is not an administrator cannot change or revoke a service key', async () => {
  const { body: one } = await issue(['platform:verify'], { allowed_ips: ['192.0.2.0/24'] })
  const { user, token } = await newUser()
  const [platform] = await directly().sql.query('select id from organizations where is_platform')
  const platformId = platform?.id as string
  await addMember(platformId, user.id, 'member')
  const line = `/api/v1/auth/api-keys/${one.id}?organization_id=${platformId}`
  const attempts = await Promise.all([
    call(`PATCH ${line}`, { token, body: { allowed_ips: null } }),
    call(`DELETE ${line}`, { token }),
    call(`POST /api/v1/auth/api-keys/${one.id}/rotate?organization_id=${platformId}`, { token, body: {} }),
  ])
  expect(attempts.map(({ status, body }) => [status, body.code])).toEqual(attempts.map(() => [403, 'forbidden']))
  const { body } = await call(`GET ${KEYS}/${one.id}`, { token: await administrator() })
  expect(body).toMatchObject({ is_active: true, allowed_ips: ['192.0.2.0/24'], revoked_at: null })
})
