import { describe, expect, test } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { call, eventually, newKeyHolder, newUser } from '../../support/http.ts'
import { workerWith } from '../../support/variant.ts'
import { isSigned, LOCAL, newReceiver } from '../../support/webhooks.ts'

const ENDPOINTS = '/api/v1/webhook-endpoints'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const url = 'https://hooks.example.com/tollgate'

async function newEndpoint(token: string, fields: Record<string, unknown> = {}) {
  return (await call(`POST ${ENDPOINTS}`, { token, body: { url, ...fields } })).body
}

describe('an endpoint', () => {
  test('is created, shown without its secret, changed and deleted; each action leaves an audit row', async () => {
    const { token, user } = await newUser()
    const events = ['quota.exhausted', 'quota.exhausted']
    const made = await call(`POST ${ENDPOINTS}`, { token, body: { url, description: 'Ours', events } })
    expect(made).toMatchObject({
      status: 201,
      body: {
        organization_id: user.organization_id,
        url,
        description: 'Ours',
        events: ['quota.exhausted'],
        is_active: true,
        failed_events: 0,
        secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      },
    })
    const { secret, ...shown } = made.body
    const one = `${ENDPOINTS}/${shown.id}`
    expect((await call(`GET ${one}`, { token })).body).toEqual(shown)
    expect((await call(`GET ${ENDPOINTS}`, { token })).body).toEqual({ data: [shown], next_cursor: null })
    const [row] = await directly().sql.query(
      'select encode(secret, $2) as secret from webhook_endpoints where id = $1',
      [shown.id, 'escape'],
    )
    expect(row?.secret).not.toContain(secret.slice(6, 20))

    const changes = { url: 'https://other.example.com:8443/x', events: [], description: null, is_active: false }
    const changed = await call(`PATCH ${one}`, { token, body: changes })
    expect(changed).toMatchObject({ status: 200, body: changes })
    expect((await call(`PATCH ${one}`, { token, body: {} })).body).toEqual(changed.body)
    expect((await call(`DELETE ${one}`, { token })).status).toBe(204)
    expect((await call(`GET ${one}`, { token })).body.code).toBe('webhook_endpoint_not_found')

    const { body: audit } = await call('GET /api/v1/audit-logs?limit=3', { token })
    expect(audit.data.map((entry: any) => [entry.action, entry.target.id])).toEqual([
      ['webhook_endpoint.deleted', shown.id],
      ['webhook_endpoint.updated', shown.id],
      ['webhook_endpoint.created', shown.id],
    ])
    expect(JSON.stringify(audit)).not.toContain(secret)
  })

  test('cannot be created at, or moved to, a forbidden address', async () => {
    const { token } = await newUser()
    const { id } = await newEndpoint(token)
    const bad = ['http://hooks.example.com/', 'https://0x7f.1/', 'http://127.0.0.1:8001/', 'https://tollgate.test/']
    for (const [at, address] of bad.entries()) {
      const line = at % 2 ? `POST ${ENDPOINTS}` : `PATCH ${ENDPOINTS}/${id}`
      const { status, body } = await call(line, { token, body: { url: address } })
      expect([address, status, body.errors?.[0].path]).toEqual([address, 400, 'body.url'])
    }
    expect((await call(`GET ${ENDPOINTS}`, { token })).body.data).toMatchObject([{ id, url }])
  })

  test('subscribes only to existing events', async () => {
    const { token } = await newUser()
    const { status, body } = await call(`POST ${ENDPOINTS}`, { token, body: { url, events: ['made.up'] } })
    expect({ status, path: body.errors[0].path }).toEqual({ status: 400, path: 'body.events.0' })
  })

  test('is one of at most ten, even if they are created at once', async () => {
    const { token } = await newUser()
    const made = await Promise.all(
      Array.from({ length: 12 }, () => call(`POST ${ENDPOINTS}`, { token, body: { url } })),
    )
    const refused = made.filter(({ status }) => status !== 201)
    expect(refused.map(({ body }) => body.code)).toEqual(Array(2).fill('webhook_endpoint_limit_reached'))
    const first = await call(`GET ${ENDPOINTS}?limit=6`, { token })
    const second = await call(`GET ${ENDPOINTS}?limit=6&cursor=${first.body.next_cursor}`, { token })
    const ids = [...first.body.data, ...second.body.data].map(({ id }: { id: string }) => id)
    expect(new Set(ids).size).toBe(10)
    expect((await call(`DELETE ${ENDPOINTS}/${ids[0]}`, { token })).status).toBe(204)
    expect((await call(`POST ${ENDPOINTS}`, { token, body: { url } })).status).toBe(201)
  })

  test('gets a new secret, once per Idempotency-Key', async () => {
    const { token } = await newUser()
    const { id, secret } = await newEndpoint(token)
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const rotate = () => call(`POST ${ENDPOINTS}/${id}/rotate-secret`, { token, headers })
    const [first, second] = [await rotate(), await rotate()]
    expect(first).toMatchObject({ status: 200, body: { secret: expect.stringMatching(/^whsec_/) } })
    expect(first.body.secret).not.toBe(secret)
    expect(second.body).toEqual(first.body)
    const hours = (Date.parse(first.body.previous_secret_until) - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(23.9)
    expect(hours).toBeLessThanOrEqual(24)
  })
})

describe('permissions', () => {
  const lines = (id: string, delivery = UNKNOWN) => [
    `GET ${ENDPOINTS}/${id}`,
    `PATCH ${ENDPOINTS}/${id}`,
    `POST ${ENDPOINTS}/${id}/rotate-secret`,
    `POST ${ENDPOINTS}/${id}/test`,
    `GET ${ENDPOINTS}/${id}/deliveries`,
    `POST ${ENDPOINTS}/${id}/deliveries/${delivery}/resend`,
    `DELETE ${ENDPOINTS}/${id}`,
  ]
  const ask = (line: string, token: string) =>
    call(line, { token, ...(line.startsWith('PATCH') && { body: { is_active: false } }) })

  test('a stranger’s endpoint gets the same response as an unknown one, and stays unchanged', async () => {
    const [owner, stranger] = [await newUser(), await newUser()]
    const receiver = await newReceiver(owner.token)
    const { body: delivery } = await call(`POST ${ENDPOINTS}/${receiver.id}/test`, { token: owner.token })
    const before = await call(`GET ${ENDPOINTS}/${receiver.id}`, { token: owner.token })
    const unknown = lines(UNKNOWN)
    for (const [at, line] of lines(receiver.id, delivery.id).entries()) {
      const [theirs, none] = [await ask(line, stranger.token), await ask(unknown[at] ?? '', stranger.token)]
      expect(theirs.body.code, line).toBe('webhook_endpoint_not_found')
      expect([theirs.status, withoutRequestId(theirs.body)]).toEqual([none.status, withoutRequestId(none.body)])
    }
    expect((await call(`GET ${ENDPOINTS}/${receiver.id}`, { token: owner.token })).body).toEqual(before.body)
    const other = await newReceiver(owner.token)
    const misplaced = `POST ${ENDPOINTS}/${other.id}/deliveries/${delivery.id}/resend`
    expect((await call(misplaced, { token: owner.token })).body.code).toBe('webhook_delivery_not_found')
  })

  test('members and viewers may do nothing, admins and keys with the scopes everything', async () => {
    const scopes = ['tollgate:webhooks:read', 'tollgate:webhooks:write']
    const { token, key, organizationId } = await newKeyHolder({ scopes })
    const { id } = await newEndpoint(token)
    const person = await newUser()
    const become = (role: string) =>
      directly().sql.query(
        `insert into memberships (organization_id, user_id, role) values ($1, $2, $3)
         on conflict (organization_id, user_id) do update set role = $3`,
        [organizationId, person.user.id, role],
      )
    const at = `GET ${ENDPOINTS}/${id}?organization_id=${organizationId}`
    const statuses = []
    for (const role of ['viewer', 'member', 'admin']) {
      await become(role)
      statuses.push((await call(at, { token: person.token })).status)
    }
    expect(statuses).toEqual([403, 403, 200])
    expect((await call(`PATCH ${ENDPOINTS}/${id}`, { token: key, body: { description: 'By a key' } })).status).toBe(200)
    const { key: plain } = await newKeyHolder()
    expect((await call(`GET ${ENDPOINTS}`, { token: plain })).body.code).toBe('forbidden')
  })
})

describe('manually', () => {
  test('a test event is sent right after the response, signed, and an event can be redelivered under its id', async () => {
    const scopes = ['tollgate:webhooks:read', 'tollgate:webhooks:write']
    const { token, key } = await newKeyHolder({ scopes })
    const receiver = await newReceiver(token, { events: ['quota.exhausted'] })
    const worker = workerWith(LOCAL)
    const post = (path: string) =>
      worker.call(`POST ${ENDPOINTS}/${receiver.id}/${path}`, undefined, undefined, { Authorization: `Bearer ${key}` })
    const tested = await post('test')
    expect(tested).toMatchObject({ status: 202, body: { type: 'webhook.test', state: 'pending', attempts: 0 } })
    const [caught] = await eventually(receiver.caught, (list) => list.length === 1)
    if (!caught) throw new Error('nothing arrived')
    expect(JSON.parse(caught.body)).toEqual(tested.body.payload)
    expect(await isSigned(caught, receiver.secret)).toBe(true)

    await worker.settled()
    expect(await post(`deliveries/${tested.body.id}/resend`)).toMatchObject({ status: 202, body: { state: 'pending' } })
    const again = await eventually(receiver.caught, (list) => list.length === 2)
    expect(again[0]?.headers['webhook-id']).toBe(caught.headers['webhook-id'])
    await worker.settled()
    const { body } = await call(`GET ${ENDPOINTS}/${receiver.id}/deliveries`, { token })
    expect(body.data).toMatchObject([{ id: tested.body.id, state: 'delivered', attempts: 1, status_code: 204 }])
  })

  test('a failed test event is not retried and does not count as a failure', async () => {
    const { token } = await newUser()
    const { id } = await newReceiver(token, {}, '?status=500')
    await call(`POST ${ENDPOINTS}/${id}/test`, { token })
    const read = async () => (await call(`GET ${ENDPOINTS}/${id}/deliveries`, { token })).body.data
    const [delivery] = await eventually(read, (list) => list[0]?.state === 'failed')
    expect(delivery).toMatchObject({ attempts: 1, next_attempt_at: null, error: expect.stringMatching(/^The /) })
    expect((await call(`GET ${ENDPOINTS}/${id}`, { token })).body).toMatchObject({ is_active: true, failed_events: 0 })
  })

  test('nothing is sent to a disabled endpoint', async () => {
    const { token } = await newUser()
    const { id } = await newReceiver(token)
    const { body: delivery } = await call(`POST ${ENDPOINTS}/${id}/test`, { token })
    await call(`PATCH ${ENDPOINTS}/${id}`, { token, body: { is_active: false } })
    for (const path of ['test', `deliveries/${delivery.id}/resend`]) {
      const { status, body } = await call(`POST ${ENDPOINTS}/${id}/${path}`, { token })
      expect([path, status, body.code]).toEqual([path, 409, 'webhook_endpoint_off'])
    }
  })

  test('at most 60 events are sent in ten minutes, so that nobody can be flooded from here', async () => {
    const { token, user } = await newUser()
    const { id } = await newReceiver(token, {}, '?status=500')
    const policy = { webhook_send_account: { account: user.organization_id } }
    const deps = directly()
    await Promise.all(Array.from({ length: 59 }, () => enforceRateLimits(deps, policy)))
    const statuses = []
    for (const _ of [60, 61]) statuses.push((await call(`POST ${ENDPOINTS}/${id}/test`, { token })).status)
    expect(statuses).toEqual([202, 429])
  })
})
