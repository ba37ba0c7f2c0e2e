/** A stolen access token of an administrator must not become power that outlives it. */
import { beforeAll, describe, expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'
import { addMember, ORGANIZATIONS } from '../../support/organizations.ts'

const { sql } = directly()
const KEYS = '/api/v1/admin/service-keys'
const scopes = ['platform:verify']
type Operation = Parameters<typeof call>[0]

let platform: string
/** An administrator with a password whose sign-in is 16 minutes old. */
let stale: { token: string; password: string }
let memberId: string

beforeAll(async () => {
  const [row] = await sql.query('select id from organizations where is_platform')
  platform = row?.id
  const [person, member] = await Promise.all([newUser(), newUser()])
  await addMember(platform, person.user.id, 'owner')
  await addMember(platform, member.user.id, 'viewer')
  await sql.query("update sessions set created_at = now() - interval '16 minutes' where user_id = $1", [person.user.id])
  stale = person
  memberId = member.user.id
  return async () => {
    await sql.query('delete from memberships where organization_id = $1 and user_id = any($2)', [
      platform,
      [person.user.id, member.user.id],
    ])
  }
})

async function newServiceKey(): Promise<string> {
  const made = await call(`POST ${KEYS}`, { token: await administrator(), body: key })
  return made.body.id
}

const key = { name: 'Back end', scopes }

/** Operations that take the proof in their body. */
const WITH_PROOF: [string, () => Promise<[Operation, object]>][] = [
  ['issues a service key', async () => [`POST ${KEYS}`, key]],
  [
    'changes a service key',
    async () => [`PATCH ${KEYS}/${await newServiceKey()}`, { allowed_ips: null, name: crypto.randomUUID() }],
  ],
  ['rotates a service key', async () => [`POST ${KEYS}/${await newServiceKey()}/rotate`, { grace_period_seconds: 0 }]],
  [
    'invites an administrator',
    async () => [
      `POST ${ORGANIZATIONS}/${platform}/invitations`,
      { email: `late-${crypto.randomUUID()}@example.com`, role: 'owner' },
    ],
  ],
  [
    'raises a role to administrator',
    async () => [`PATCH ${ORGANIZATIONS}/${platform}/members/${memberId}`, { role: 'admin' }],
  ],
]

/** The same by the routes of customers, which take none: a new sign-in is needed. */
const WITHOUT_PROOF: [string, () => Promise<[Operation, object]>][] = [
  ['issues a service key', async () => ['POST /api/v1/auth/api-keys', { ...key, organization_id: platform }]],
  [
    'generates a service key',
    async () => ['POST /api/v1/auth/api-keys/generate', { ...key, organization_id: platform }],
  ],
  [
    'changes a service key',
    async () => [
      `PATCH /api/v1/auth/api-keys/${await newServiceKey()}?organization_id=${platform}`,
      { allowed_ips: ['192.0.2.0/24'] },
    ],
  ],
  [
    'rotates a service key',
    async () => [`POST /api/v1/auth/api-keys/${await newServiceKey()}/rotate?organization_id=${platform}`, {}],
  ],
]

describe('with a sign-in that is older than 15 minutes, an administrator', () => {
  test.each(WITH_PROOF)('%s only with the password', async (_, operation) => {
    const [name, body] = await operation()
    const send = (proof: object) => call(name, { token: stale.token, body: { ...body, ...proof } })
    expect(await send({})).toMatchObject({ status: 403, body: { code: 'reauthentication_required' } })
    expect(await send({ password: 'not the password' })).toMatchObject({
      status: 403,
      body: { code: 'wrong_password' },
    })
    expect(await send({ code: '123456' })).toMatchObject({ body: { code: 'two_factor_not_enabled' } })
    expect([200, 201]).toContain((await send({ password: stale.password })).status)
  })

  test.each(WITHOUT_PROOF)(
    'by the routes of customers never %s, and the answer says what to do',
    async (_, operation) => {
      const [name, body] = await operation()
      const { status, body: answer } = await call(name, { token: stale.token, body: { ...body } })
      expect([status, answer.code]).toEqual([403, 'reauthentication_required'])
      expect(answer.detail).toContain('/admin/service-keys')
    },
  )

  test('reads and revokes service keys without it: revoking must not wait', async () => {
    const id = await newServiceKey()
    expect((await call(`GET ${KEYS}/${id}`, { token: stale.token })).status).toBe(200)
    expect((await call(`DELETE ${KEYS}/${id}`, { token: stale.token })).status).toBe(204)
  })

  test('invites to other organizations without it', async () => {
    const owner = await newUser()
    const email = `guest-${crypto.randomUUID()}@example.com`
    const invited = await call(`POST ${ORGANIZATIONS}/${owner.user.organization_id}/invitations`, {
      token: stale.token,
      body: { email, role: 'member' },
    })
    expect(invited.status).toBe(201)
  })
})

test('a service key that acts for customers is never asked', async () => {
  const owner = await newUser()
  const { body: made } = await call(`POST ${KEYS}`, {
    token: await administrator(),
    body: { name: 'Issues keys', scopes: ['platform:keys:*', 'platform:organizations:*'] },
  })
  await sql.query("update api_keys set created_at = now() - interval '1 day' where id = $1", [made.id])
  const organizationId = owner.user.organization_id
  const body = { name: 'Theirs', organization_id: organizationId }
  expect((await call('POST /api/v1/auth/api-keys', { token: made.key, body })).status).toBe(201)
  const guest = { email: `guest-${crypto.randomUUID()}@example.com`, role: 'owner' }
  const invited = await call(`POST ${ORGANIZATIONS}/${organizationId}/invitations`, { token: made.key, body: guest })
  expect(invited.status).toBe(201)
})

test('the operations that ask for a password or a second factor, of one’s own account and for power over the deployment, are these', async () => {
  const { body } = await call('GET /openapi.json', {})
  const found = Object.entries(
    body.paths as Record<string, Record<string, { operationId?: string; responses?: object }>>,
  )
    .flatMap(([, methods]) => Object.values(methods))
    .filter((operation) => JSON.stringify(operation.responses ?? {}).includes('`reauthentication_required`'))
    .filter((operation) => JSON.stringify(operation.responses ?? {}).includes('`two_factor_not_enabled`'))
    .map(({ operationId }) => operationId)
  expect(new Set(found)).toEqual(
    new Set([
      'createInvitation',
      'disableTwoFactor',
      'impersonateUser',
      'issueServiceKey',
      'renewBackupCodes',
      'resetUserTwoFactor',
      'rotateServiceKey',
      'updateMember',
      'updateServiceKey',
    ]),
  )
})
