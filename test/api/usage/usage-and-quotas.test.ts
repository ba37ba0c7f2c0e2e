import { describe, expect, inject, test } from 'vitest'
import { withoutRequestId } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, newUser, setLimits, verify } from '../../support/http.ts'

const STATS = '/api/v1/auth/usage/stats'
const QUOTAS = '/api/v1/quotas'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const period = () => new Date().toISOString().slice(0, 7)

describe(`GET ${STATS}`, async () => {
  const { key, keyId, token, user } = await newKeyHolder()
  const read = (query = '') => call(`GET ${STATS}${query}`, { token })

  test('a month without usage has totals of zero and empty lists', async () => {
    const { status, body } = await read('?period=2020-02')
    expect(status).toBe(200)
    expect(body).toEqual({
      period: '2020-02',
      totals: {
        requests: 0,
        api_calls: 0,
        queries: 0,
        tokens: 0,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: '0.000000',
        errors: 0,
        avg_response_time_ms: null,
        quantities: {},
      },
      by_endpoint: [],
      by_model: [],
      by_key: [],
      by_route: [],
      by_day: [],
    })
  })

  test('verifications are counted in total, by endpoint, by key and by day, and refusals cost no call', async () => {
    await verify(key, { endpoint: '/v1/answers', cost: 3 })
    await verify(key, { endpoint: '/v1/answers', cost: 1_000 })
    await verify(key, { endpoint: '/v1/searches', cost: 0 })
    const { body } = await eventually(read, (answer) => answer.body.totals.requests === 3)
    expect(body.period).toBe(period())
    expect(body.totals.api_calls).toBe(3)
    const byEndpoint = body.by_endpoint.map((row: Record<string, unknown>) => [
      row.endpoint,
      row.requests,
      row.api_calls,
    ])
    expect(new Map(byEndpoint.map(([name, ...rest]: unknown[]) => [name, rest]))).toEqual(
      new Map([
        ['/v1/answers', [2, 3]],
        ['/v1/searches', [1, 0]],
      ]),
    )
    expect(body.by_key).toMatchObject([{ key_id: keyId, requests: 3, api_calls: 3 }])
    expect(body.by_day).toHaveLength(1)
    expect((await read(`?period=${period()}`)).body).toEqual(body)
    expect((await call(`GET /api/v1/auth/api-keys/${keyId}`, { token })).body.last_used_at).not.toBeNull()
  })

  test("a key's management API requests are in no statistics, but count as use of the key", async () => {
    const { key, keyId, token } = await newKeyHolder()
    expect((await call(`GET ${STATS}`, { headers: { 'X-API-Key': key } })).status).toBe(200)
    const used = await eventually(
      () => call(`GET /api/v1/auth/api-keys/${keyId}`, { token }),
      (answer) => answer.body.last_used_at !== null,
    )
    expect(used.body.last_used_at).toEqual(expect.any(String))
    await verify(key, { endpoint: '/v1/answers' })
    const { body } = await eventually(
      () => call(`GET ${STATS}`, { token }),
      (answer) => answer.body.totals.requests > 0,
    )
    expect(body.totals.requests).toBe(1)
    expect(body.by_endpoint).toMatchObject([{ endpoint: '/v1/answers' }])
  })

  test('one idempotency key is one event, however often it is sent', async () => {
    const holder = await newKeyHolder()
    const idempotency_key = crypto.randomUUID()
    for (let count = 0; count < 3; count++) await verify(holder.key, { endpoint: '/once', idempotency_key })
    await verify(holder.key, { endpoint: '/last' })
    const { body } = await eventually(
      () => call(`GET ${STATS}`, { token: holder.token }),
      (answer) => answer.body.by_endpoint.length === 2,
    )
    expect(body.totals.requests).toBe(2)
  })

  test.each([
    '2026-13',
    '2026-00',
    '2026-1',
    '26-01',
    '',
    'x',
    '2026-11-01',
    '%00',
    "2026-11'--",
    '99999-01',
    '0000-01',
    '1999-12',
    '3000-01',
    '9999-12',
  ])('a period of "%s" is invalid', async (wrong) => {
    const { status, body } = await read(`?period=${wrong}`)
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe('query.period')
  })

  test.each(['2000-01', '2999-12'])('a period of %s is empty', async (period) => {
    expect(await read(`?period=${period}`)).toMatchObject({ status: 200, body: { period, totals: { requests: 0 } } })
  })

  test("another organization's statistics get the same response as an unknown one", async () => {
    const stranger = await newUser()
    for (const path of [STATS, QUOTAS]) {
      const ask = (id: string) => call(`GET ${path}?organization_id=${id}`, { token: stranger.token })
      const [foreign, unknown] = [await ask(user.organization_id), await ask(UNKNOWN)]
      expect(foreign).toMatchObject({ status: 404, body: { code: 'organization_not_found' } })
      expect(withoutRequestId(foreign.body)).toEqual(withoutRequestId(unknown.body))
      expect((await ask('nonsense')).status).toBeOneOf([400, 404])
    }
    expect((await call(`GET ${STATS}`, { token: stranger.token })).body.totals.requests).toBe(0)
  })
})

describe(`GET ${QUOTAS}`, () => {
  test('a new organization has all limits of the free plan', async () => {
    const { token } = await newUser()
    const { status, body } = await call(`GET ${QUOTAS}`, { token })
    const [year = 0, month = 0] = period().split('-').map(Number)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      period: period(),
      resets_at: new Date(Date.UTC(year, month)).toISOString(),
      plan: 'free',
      rate_limit_per_minute: 60,
      max_api_keys: 10,
      features: { max_evolution_phase: 1 },
    })
    const unused = { limit: 100_000, used: 0, held: 0, remaining: 100_000, percent: 0, overage: 0 }
    expect(body.meters).toMatchObject({ api_calls: unused, queries: unused })
  })

  test('the usage of a verification is included immediately, and refused requests are not', async () => {
    const { key, token, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { api_calls: 10, rate_limit_per_minute: 1_000 })
    const meter = async () => (await call(`GET ${QUOTAS}`, { token })).body.meters.api_calls
    for (const [cost, code, used] of [
      [9, 'VALID', 9],
      [2, 'QUOTA_EXCEEDED', 9],
      [1, 'VALID', 10],
      [1, 'QUOTA_EXCEEDED', 10],
      [0, 'VALID', 10],
    ] as const) {
      expect((await verify(key, { cost })).body.code).toBe(code)
      expect(await meter()).toMatchObject({ limit: 10, used, remaining: 10 - used, percent: used * 10, overage: 0 })
    }
  })

  test('a free organization is refused at exactly 100,000 tokens, and not one earlier', async () => {
    const { key, organizationId: organization_id, token } = await newKeyHolder()
    const ask = async (line: string, body: object) =>
      (await call(`POST /api/v1/usage/${line}`, { token: inject('credentials').service_key, body })).body
    const use = async (tokens: number) => {
      const { reservation_id } = await ask('reserve', { organization_id, tokens })
      return ask('settle', { reservation_id, tokens })
    }
    expect(await ask('reserve', { organization_id, tokens: 100_001 })).toMatchObject({ granted: false })
    expect(await use(99_999)).toMatchObject({ outcome: 'settled' })
    expect((await verify(key)).body).toMatchObject({ code: 'VALID', quotas: { tokens: { remaining: 1 } } })
    expect(await ask('reserve', { organization_id, tokens: 2 })).toMatchObject({ granted: false })
    expect(await use(1)).toMatchObject({ outcome: 'settled' })
    expect(await ask('reserve', { organization_id, tokens: 1 })).toMatchObject({ exceeded: { meter: 'tokens' } })
    expect((await verify(key)).body).toMatchObject({ code: 'QUOTA_EXCEEDED', status: 429, refused_by: 'tokens' })
    const { tokens } = (await call(`GET ${QUOTAS}`, { token })).body.meters
    expect(tokens).toMatchObject({ limit: 100_000, used: 100_000, remaining: 0, percent: 100, overage: 0 })
  })

  test('a key reads the same as the users of its organization', async () => {
    const { key, token } = await newKeyHolder()
    const [asKey, asUser] = [await call(`GET ${QUOTAS}`, { token: key }), await call(`GET ${QUOTAS}`, { token })]
    expect(asKey.body).toEqual(asUser.body)
  })
})

describe('PUT /api/v1/admin/organizations/{organization_id}/quotas', async () => {
  const { key, token, organizationId } = await newKeyHolder()
  const admin = await administrator()
  const put = (body: unknown, id = organizationId, as: string | undefined = admin) =>
    call(`PUT /api/v1/admin/organizations/${id}/quotas`, { ...(as && { token: as }), body })
  const limits = async () => {
    const { body } = await call(`GET ${QUOTAS}`, { token })
    return {
      api_calls: body.meters.api_calls.limit,
      queries: body.meters.queries.limit,
      rate: body.rate_limit_per_minute,
    }
  }

  test('a number overrides the plan, an absent one stays, and null returns to the plan', async () => {
    const { status, body } = await put({ api_calls: 7, rate_limit_per_minute: 120 })
    expect(status).toBe(200)
    expect(body.meters.api_calls.limit).toBe(7)
    expect(await limits()).toEqual({ api_calls: 7, queries: 100_000, rate: 120 })
    await put({ queries: 5 })
    expect(await limits()).toEqual({ api_calls: 7, queries: 5, rate: 120 })
    await put({ api_calls: null, rate_limit_per_minute: null })
    expect(await limits()).toEqual({ api_calls: 100_000, queries: 5, rate: 60 })
    expect((await put({})).status).toBe(200)
    expect(await limits()).toEqual({ api_calls: 100_000, queries: 5, rate: 60 })
  })

  test('a change takes effect at the next verification', async () => {
    expect((await verify(key)).body.ratelimit.limit).toBe(60)
    await put({ rate_limit_per_minute: 77 })
    expect((await verify(key)).body.ratelimit.limit).toBe(77)
    await put({ api_calls: 0 })
    expect((await verify(key)).body).toMatchObject({ code: 'QUOTA_EXCEEDED', quotas: { api_calls: { limit: 0 } } })
    await put({ api_calls: null, rate_limit_per_minute: null })
    expect((await verify(key)).body).toMatchObject({ code: 'VALID', ratelimit: { limit: 60 } })
  })

  test('two concurrent changes of different limits both take effect', async () => {
    await Promise.all([put({ api_calls: 11 }), put({ queries: 12 }), put({ rate_limit_per_minute: 13 })])
    expect(await limits()).toEqual({ api_calls: 11, queries: 12, rate: 13 })
    await put({ api_calls: null, queries: null, rate_limit_per_minute: null })
  })

  test.each([
    ['api_calls', -1],
    ['api_calls', 1.5],
    ['api_calls', '5'],
    ['api_calls', true],
    ['api_calls', [5]],
    ['api_calls', 2 ** 53],
    ['api_calls', 1e308],
    ['api_calls', 1_000_000_000_001],
    ['queries', -1],
    ['tokens', 0.1],
    ['cost_usd', -0.01],
    ['storage_gb', '1'],
    ['rate_limit_per_minute', 0],
    ['rate_limit_per_minute', 1_000_001],
    ['max_api_keys', -1],
    ['max_api_keys', 1_000_001],
  ])('a limit %s of %j is refused by name', async (field, value) => {
    const { status, body } = await put({ [field]: value })
    expect(status).toBe(400)
    expect(body.errors[0].path).toBe(`body.${field}`)
  })

  test.each([
    ['api_calls', 0],
    ['api_calls', 1_000_000_000_000],
    ['rate_limit_per_minute', 1],
    ['rate_limit_per_minute', 1_000_000],
    ['max_api_keys', 0],
    ['cost_usd', 0.25],
    ['storage_gb', 1.5],
  ])('a limit %s of %j is within its bounds', async (field, value) => {
    expect((await put({ [field]: value })).status).toBe(200)
    expect((await put({ [field]: null })).status).toBe(200)
  })

  test('an unknown organization is a 404, and a malformed id is a 400 or 404', async () => {
    expect(await put({ api_calls: 1 }, UNKNOWN)).toMatchObject({
      status: 404,
      body: { code: 'organization_not_found' },
    })
    for (const id of ['nonsense', '%00', "'--"]) expect((await put({ api_calls: 1 }, id)).status).toBeOneOf([400, 404])
  })

  test('only an administrator can: owners, keys, the service key and strangers change nothing', async () => {
    const before = await limits()
    const wish = { api_calls: 999_999_999, rate_limit_per_minute: 999_999 }
    expect((await put(wish, organizationId, '')).status).toBe(401)
    for (const as of [token, key, inject('credentials').service_key, (await newUser()).token]) {
      const mine = await put(wish, organizationId, as)
      const unknown = await put(wish, UNKNOWN, as)
      expect(mine.status).toBeOneOf([403, 404])
      expect(withoutRequestId(mine.body)).toEqual(withoutRequestId(unknown.body))
    }
    expect(await limits()).toEqual(before)
  })
})
