import { describe, expect, inject, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { newKey } from '../../../src/verification/key-format.ts'
import { directly } from '../../support/direct.ts'
import {
  type Answer,
  administrator,
  call,
  eventually,
  newKeyHolder,
  newUser,
  setLimits,
  verify,
} from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const deps = directly()
const token = await administrator()
const { service_key: serviceKey } = inject('credentials')
const inspect = (requestId: string, query = '') =>
  call(`GET /api/v1/admin/requests/${encodeURIComponent(requestId)}${query}`, { token })
/** Retries until the event of the request is written. */
const inspected = async (requestId: string) =>
  (
    await eventually(
      () => inspect(requestId),
      ({ status, body }) => status === 200 && body.occurred_at !== null,
    )
  ).body
const inspectedVerdict = async (verdict: Answer) => inspected(verdict.body.request_id)
const patch = (holder: { keyId: string; token: string }, body: object) =>
  call(`PATCH /api/v1/auth/api-keys/${holder.keyId}`, { token: holder.token, body })

test('an admitted request shows the verdict, its inputs, and the counters of that moment', async () => {
  const holder = await newKeyHolder({ limits: [{ name: 'bursts', limit: 5, window_seconds: 10, cost: 2 }] })
  const verdict = await verify(holder.key, { cost: 3, endpoint: '/v1/answers', method: 'POST', ip: '203.0.113.7' })
  await verify(holder.key) // later requests do not change what is reported about this one
  const body = await inspectedVerdict(verdict)
  const { ratelimit, limits, quotas } = verdict.body
  const { limit, used, held } = quotas.api_calls
  expect(body).toMatchObject({
    request_id: verdict.body.request_id,
    organization: { id: holder.organizationId, plan: 'free', suspended_at: null },
    key: { id: holder.keyId, status: 'active' },
    verdict: { valid: true, code: 'VALID', status: 200, refused_by: null, never_fits: false },
    decided_from: {
      plan: 'free',
      cost: 3,
      missing_scopes: [],
      service_key_id: expect.any(String),
      key_changed_since: false,
      organization_changed_since: false,
      without_redis: false,
    },
    counters: { windows: { ratelimit, bursts: limits.bursts }, quotas: { api_calls: { limit, used, held } } },
    usage_events: [
      { id: verdict.body.request_id, endpoint: '/v1/answers', method: 'POST', api_calls: 3, ip: '203.0.113.7' },
    ],
  })
  expect(Object.keys(body.counters.quotas).toSorted()).toEqual(Object.keys(quotas).toSorted())
  expect(body.verdict.explanation).toContain('3 units')
})

describe('a refused request says why', () => {
  const day = 24 * 3_600_000
  type Holder = Awaited<ReturnType<typeof newKeyHolder>>
  const cases: [string, (holder: Holder) => Promise<Answer>, RegExp][] = [
    ['DISABLED', async (one) => (await patch(one, { is_active: false })) && verify(one.key), /switched off/],
    [
      'REVOKED',
      async (one) => {
        await call(`DELETE /api/v1/auth/api-keys/${one.keyId}`, { token: one.token })
        return verify(one.key)
      },
      /revoked/,
    ],
    [
      'EXPIRED',
      async (one) => {
        await deps.sql.query('update api_keys set expires_at = $2 where id = $1', [
          one.keyId,
          new Date(Date.now() - day).toISOString(),
        ])
        return verify(one.key)
      },
      /expired/,
    ],
    [
      'ORGANIZATION_SUSPENDED',
      async (one) => {
        await call(`PUT /api/v1/admin/organizations/${one.organizationId}/suspension`, {
          token,
          body: { suspended: true, reason: 'Abuse' },
        })
        return verify(one.key)
      },
      /suspended/,
    ],
    [
      'FORBIDDEN_IP',
      async (one) => (await patch(one, { allowed_ips: ['203.0.113.0/24'] })) && verify(one.key, { ip: '198.51.100.1' }),
      /198\.51\.100\.1 was not among them/,
    ],
    ['INSUFFICIENT_SCOPE', (one) => verify(one.key, { scopes: ['reports:read'] }), /scope reports:read/],
    [
      'RATE_LIMITED',
      async (one) => (await verify(one.key)) && verify(one.key, { cost: 60 }),
      /of 60 units had 59 left/,
    ],
    [
      'QUOTA_EXCEEDED',
      async (one) => (await setLimits(one.organizationId, { api_calls: 2 })) && verify(one.key, { cost: 3 }),
      /api_calls for the period was 2, less than/,
    ],
  ]

  test.each(cases)('%s', async (code, refuse, why) => {
    const holder = await newKeyHolder()
    const verdict = await refuse(holder)
    expect(verdict.body.code).toBe(code)
    const body = await inspectedVerdict(verdict)
    expect(body.verdict).toMatchObject({
      valid: false,
      code,
      status: verdict.body.status,
      refused_by: verdict.body.refused_by ?? null,
      never_fits: verdict.body.never_fits ?? false,
      explanation: expect.stringMatching(why),
    })
    expect(body.counters === null).toBe(verdict.body.ratelimit === undefined)
    expect(body.key.id).toBe(holder.keyId)
    expect(body.usage_events).toMatchObject([{ error_code: code, api_calls: 0 }])
  })

  test('also where equal ones were merged into one event: each of their ids leads to it', async () => {
    const { key } = await newKeyHolder()
    const verdicts = await Promise.all(
      Array.from({ length: 6 }, () => verify(key, { scopes: ['a:b'], ip: '203.0.113.9' })),
    )
    for (const verdict of verdicts) {
      const body = await inspectedVerdict(verdict)
      expect(body.request_id).toBe(verdict.body.request_id)
      expect(body.verdict).toMatchObject({ code: 'INSUFFICIENT_SCOPE' })
    }
  })
})

test('a request with an idempotency key and its repeat are one event, and both ids lead to it', async () => {
  const { key } = await newKeyHolder()
  const first = await verify(key, { idempotency_key: 'order-1', cost: 2 })
  const body = await inspectedVerdict(first)
  expect(body.usage_events).toMatchObject([{ api_calls: 2 }])
  const again = await verify(key, { idempotency_key: 'order-1', cost: 2 })
  expect(again.body.request_id).not.toBe(first.body.request_id)
  const repeated = await inspectedVerdict(again)
  expect(repeated.usage_events).toEqual(body.usage_events)
  expect(repeated.verdict).toMatchObject({ code: 'VALID' })
})

test('a report that completes a request is among its events, and the verdict stays unchanged', async () => {
  const { key, keyId } = await newKeyHolder()
  const verdict = await verify(key)
  const { request_id } = verdict.body
  await inspectedVerdict(verdict)
  const event = { id: `done-${request_id}`, key_id: keyId, request_id, status_code: 500, queries: 2 }
  await call('POST /api/v1/usage', { token: serviceKey, body: { events: [event] } })
  const { body } = await eventually(
    () => inspect(request_id),
    ({ body }) => body.usage_events.length === 2 && body.usage_events[0].status_code === 500,
  )
  expect(body.usage_events.map(({ id }: { id: string }) => id)).toEqual([request_id, event.id])
  expect(body.verdict).toMatchObject({ code: 'VALID', status: 200 })
  const byReport = await inspect(event.id)
  expect(byReport.body).toMatchObject({ verdict: { code: 'VALID' }, key: { id: keyId } })
})

test("a caller's own id is searched in the last days or a given span; an organization must be named if several match", async () => {
  const [one, other] = [(await newUser()).user.organization_id, (await newUser()).user.organization_id]
  const id = `own-${crypto.randomUUID()}`
  const old = `old-${crypto.randomUUID()}`
  const at = (days: number) => new Date(Date.now() - days * 24 * 3_600_000).toISOString()
  await writeUsage(deps, [
    { id, organization_id: one, occurred_at: at(1), queries: 1 },
    { id: old, organization_id: one, occurred_at: at(20), queries: 1 },
  ])
  expect((await inspect(id)).body).toMatchObject({ organization: { id: one }, verdict: null, usage_events: [{ id }] })
  const missed = await inspect(old)
  expect(missed).toMatchObject({ status: 404, body: { code: 'request_not_found' } })
  expect(missed.body.detail).toContain('say from and to')
  expect((await inspect(old, `?from=${at(21)}&to=${at(19)}`)).body.usage_events).toMatchObject([{ id: old }])
  for (const [query, path] of [
    [`from=${at(33)}&to=${at(1)}`, 'query.to'],
    [`from=${at(1)}&to=${at(2)}`, 'query.to'],
  ] as const)
    expect((await inspect(old, `?${query}`)).body.errors).toMatchObject([{ path }])
  await writeUsage(deps, [{ id, organization_id: other, occurred_at: at(1), queries: 1 }])
  expect((await inspect(id)).body.errors).toMatchObject([{ path: 'query.organization_id' }])
  expect((await inspect(id, `?organization_id=${other}`)).body).toMatchObject({ organization: { id: other } })
})

test('an unknown id is 404 and says how long requests are kept; an unknown key leaves nothing', async () => {
  const nobodys = await verify(newKey('ck', 'live'))
  for (const id of [uuidv7(Date.now()), nobodys.body.request_id, uuidv7(Date.parse('2020-01-01')), "'; --", '%00x'])
    expect(await inspect(id), id).toMatchObject({
      status: 404,
      body: { code: 'request_not_found', detail: expect.stringContaining('90 days') },
    })
  for (const id of ['ffffffff-ffff-7fff-bfff-ffffffffffff', 'x?from=9999-12-30T00:00:00Z'])
    expect((await inspect(id)).status, id).toBe(404)
  expect((await inspect('x'.repeat(256))).body.errors).toMatchObject([{ path: 'path.request_id' }])
})

test('audit rows and webhooks caused by a management API request are found by its id', async () => {
  const holder = await newUser()
  const issued = await call('POST /api/v1/auth/api-keys', { token: holder.token, body: { name: 'Audited' } })
  const { body } = await inspect(issued.headers.get('X-Request-Id') ?? '')
  expect(body).toMatchObject({ occurred_at: null, verdict: null, usage_events: [] })
  expect(body.audit_logs).toMatchObject([{ action: 'key.issued', target: { id: issued.body.id } }])
  const url = 'https://hooks.example.com/inspected'
  const endpoint = await call('POST /api/v1/webhook-endpoints', { token: holder.token, body: { url } })
  const sent = await call(`POST /api/v1/webhook-endpoints/${endpoint.body.id}/test`, { token: holder.token })
  const told = await inspect(sent.headers.get('X-Request-Id') ?? '')
  expect(told.body).toMatchObject({
    audit_logs: [{ action: 'webhook_endpoint.tested' }],
    deliveries: [{ id: sent.body.id, organization_id: holder.user.organization_id, endpoint_id: endpoint.body.id }],
  })
})

test("a service key sees audit rows and deliveries only with their scopes; a filter shows one organization's", async () => {
  const [holder, other] = [await newUser(), await newUser()]
  const organizationId = holder.user.organization_id as string
  const body = { url: 'https://hooks.example.com/inspected' }
  const endpoint = await call('POST /api/v1/webhook-endpoints', { token: holder.token, body })
  const sent = await call(`POST /api/v1/webhook-endpoints/${endpoint.body.id}/test`, { token: holder.token })
  const id = sent.headers.get('X-Request-Id') ?? ''
  /** The status, and the number of audit rows and deliveries in the response. */
  async function see(by: string, query = '') {
    const answer = await call(`GET /api/v1/admin/requests/${id}${query}`, { token: by })
    return [answer.status, answer.body.audit_logs?.length, answer.body.deliveries?.length]
  }
  async function keyWith(...scopes: string[]) {
    const wish = { name: 'Support', scopes: ['platform:usage:read', ...scopes] }
    return (await call('POST /api/v1/admin/service-keys', { token, body: wish })).body.key
  }
  expect(await see(token)).toEqual([200, 1, 1])
  expect(await see(await keyWith())).toEqual([404, undefined, undefined])
  expect(await see(await keyWith('platform:audit:read'))).toEqual([200, 1, 0])
  expect(await see(await keyWith('platform:webhooks:write'))).toEqual([200, 0, 1])
  expect(await see(await keyWith('platform:*'))).toEqual([200, 1, 1])
  expect(await see(token, `?organization_id=${organizationId}`)).toEqual([200, 1, 1])
  expect(await see(token, `?organization_id=${other.user.organization_id}`)).toEqual([404, undefined, undefined])
  // the operator's endpoints belong to the platform organization, whatever organization their events are about
  await deps.sql.query(
    'update webhook_deliveries set organization_id = (select id from organizations where is_platform) where id = $1',
    [sent.body.id],
  )
  expect(await see(token, `?organization_id=${organizationId}`)).toEqual([200, 1, 1])
})

test('later changes are flagged: the key shown is not as the verdict saw it', async () => {
  const holder = await newKeyHolder()
  const verdict = await verify(holder.key)
  await inspectedVerdict(verdict)
  await patch(holder, { is_active: false })
  expect((await inspect(verdict.body.request_id)).body).toMatchObject({
    key: { status: 'disabled' },
    verdict: { code: 'VALID' },
    decided_from: { key_changed_since: true, organization_changed_since: false },
  })
})

test('the route does not exist for anybody but administrators', async () => {
  const holder = await newKeyHolder()
  const verdict = await verify(holder.key)
  const asked = `GET /api/v1/admin/requests/${verdict.body.request_id}`
  expect((await call(asked, { token: holder.token })).body.code).toBe('not_found')
  expect((await call(asked, { token: holder.key })).body.code).toBe('user_only')
})

test('the response matches the document', async () => {
  const { document } = await openApi()
  const { key } = await newKeyHolder()
  const refused = await verify(key, { cost: 61 })
  for (const verdict of [await verify(key), refused])
    expect(departures(await inspectedVerdict(verdict), document.components.schemas.InspectedRequest, document)).toEqual(
      [],
    )
})
