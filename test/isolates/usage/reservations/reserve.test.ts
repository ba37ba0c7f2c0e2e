import { exports } from 'cloudflare:workers'
import { describe, expect, inject, test, vi } from 'vitest'
import { toMonth } from '../../../../src/lib/period.ts'
import { quotaKey } from '../../../../src/limits/limit-request.ts'
import { call, newKeyHolder, setLimits } from '../../../support/http.ts'
import { NOWHERE, newIsolate } from '../../../support/isolate.ts'

const token = inject('credentials').service_key
const ask = (line: string, body: Record<string, unknown>, as = token) =>
  call(`POST /api/v1/usage/${line}`, { token: as, body })
const quotasOf = async (of: { token: string }) => (await call('GET /api/v1/quotas', { token: of.token })).body.meters

async function holderWith(limits: Record<string, number>) {
  const holder = await newKeyHolder()
  await setLimits(holder.organizationId, limits)
  return holder
}

describe('a reservation', () => {
  test('holds the requested amount, and counts only the settled amount as used', async () => {
    const holder = await holderWith({ tokens: 1_000 })
    const { body: reserved } = await ask('reserve', { key_id: holder.keyId, input_tokens: 200, output_tokens: 400 })
    expect(reserved).toMatchObject({
      granted: true,
      held: { tokens: 600 },
      quotas: { tokens: { limit: 1_000, used: 0, held: 600, remaining: 400 } },
    })
    expect((await quotasOf(holder)).tokens).toMatchObject({ used: 0, held: 600, remaining: 400 })

    const { reservation_id } = reserved
    const settled = await ask('settle', { reservation_id, key_id: holder.keyId, input_tokens: 180, output_tokens: 70 })
    expect(settled.body).toEqual({ outcome: 'settled', released: true })
    expect((await quotasOf(holder)).tokens).toMatchObject({ used: 250, held: 0, remaining: 750 })

    const again = { reservation_id, key_id: holder.keyId, input_tokens: 180, output_tokens: 70 }
    expect((await ask('settle', again)).body).toEqual({ outcome: 'duplicate', released: false })
    expect((await ask('settle', { ...again, output_tokens: 71 })).body).toMatchObject({ outcome: 'conflict' })
    expect((await quotasOf(holder)).tokens).toMatchObject({ used: 250, held: 0 })
  })

  test('that does not fit is refused with the meter, its limit, the used and held amounts, and the reset time', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 100, queries: 10 })
    expect((await ask('reserve', { organization_id, tokens: 60, queries: 1 })).body).toMatchObject({ granted: true })
    const refused = await ask('reserve', { organization_id, tokens: 41, queries: 2 })
    expect(refused).toMatchObject({
      status: 200,
      body: {
        granted: false,
        code: 'QUOTA_EXCEEDED',
        exceeded: {
          meter: 'tokens',
          requested: 41,
          limit: 100,
          used: 0,
          held: 60,
          remaining: 40,
          resets_at: new Date(toMonth(Date.now()).end).toISOString(),
        },
        quotas: { queries: { held: 1, remaining: 9 } },
      },
    })
  })

  test('never takes all that is left, but leaves a tenth for others; the last unit can be reserved', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000, queries: 1 })
    expect((await ask('reserve', { organization_id, tokens: 1_000 })).body).toMatchObject({ held: { tokens: 900 } })
    expect((await ask('reserve', { organization_id, tokens: 100 })).body).toMatchObject({ held: { tokens: 90 } })
    expect((await ask('reserve', { organization_id, queries: 1 })).body).toMatchObject({ held: { queries: 1 } })
    expect((await ask('reserve', { organization_id, queries: 1 })).body).toMatchObject({ granted: false })
  })

  test('together with many concurrent ones never exceeds the limit', async () => {
    const { key_id } = { key_id: (await holderWith({ tokens: 1_000 })).keyId }
    const isolates = [await newIsolate(), await newIsolate(), await newIsolate()]
    const reserved = await Promise.all(
      isolates.flatMap((isolate) => Array.from({ length: 20 }, () => isolate.reserve({ key_id, tokens: 40 }))),
    )
    expect(reserved.filter(({ granted }) => granted)).toHaveLength(25)
    await Promise.all(isolates.map((isolate) => isolate.settled()))
  })

  test('expires by itself; a later settlement still counts, once', async () => {
    const holder = await holderWith({ tokens: 1_000 })
    const isolate = await newIsolate()
    const first = await isolate.reserve({ key_id: holder.keyId, tokens: 800, expires_in_seconds: 60 })
    isolate.advance(45_000)
    expect(await isolate.reserve({ key_id: holder.keyId, tokens: 201 })).toMatchObject({ granted: false })
    isolate.advance(15_000)
    expect(await isolate.reserve({ key_id: holder.keyId, tokens: 201 })).toMatchObject({
      granted: true,
      quotas: { tokens: { held: 201 } },
    })
    const reservation_id = 'reservation_id' in first ? first.reservation_id : ''
    expect((await ask('settle', { reservation_id, input_tokens: 700 })).body).toEqual({
      outcome: 'settled',
      released: false,
    })
    expect(await isolate.reserve({ key_id: holder.keyId, tokens: 100 })).toMatchObject({
      granted: false,
      exceeded: { used: 700, held: 201 },
    })
    await isolate.settled()
  })

  test('repeated with its idempotency key is the same one, and leaves nothing behind when canceled', async () => {
    const { organizationId: organization_id } = await holderWith({ tokens: 1_000 })
    const body = { organization_id, tokens: 300, idempotency_key: 'call 7' }
    const [first, second] = [await ask('reserve', body), await ask('reserve', body)]
    expect(second.body).toEqual(first.body)
    const { reservation_id } = first.body
    expect((await ask('settle', { reservation_id, cancel: true })).body).toEqual({
      outcome: 'canceled',
      released: true,
    })
    expect((await ask('settle', { reservation_id, cancel: true })).body).toMatchObject({ released: false })
    expect((await ask('reserve', { organization_id, tokens: 1 })).body).toMatchObject({
      quotas: { tokens: { used: 0, held: 1 } },
    })
  })

  test('holds a budget in dollars, at the price of the model', async () => {
    const { organizationId: organization_id } = await holderWith({ cost_usd: 0.01 })
    const call = { organization_id, provider: 'openai', model: 'gpt-4o', input_tokens: 1_000, output_tokens: 500 }
    expect((await ask('reserve', call)).body).toMatchObject({ granted: true, held: { cost_usd: '0.007500' } })
    expect((await ask('reserve', call)).body).toMatchObject({
      granted: false,
      exceeded: { meter: 'cost_usd', requested: '0.007500', held: '0.007500', remaining: '0.002500' },
    })
  })

  test('counts against verification: no verdict is valid once the tokens are used up or held', async () => {
    const { key, keyId, organizationId } = await holderWith({ tokens: 10 })
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { tokens: { limit: 10, remaining: 10 } } })
    await ask('reserve', { key_id: keyId, tokens: 10 })
    await ask('reserve', { key_id: keyId, tokens: 1 })
    expect(await isolate.verify(key)).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      refused_by: 'tokens',
      quotas: { tokens: { used: 0, held: 10, remaining: 0 } },
    })
    await isolate.settled()
    expect(organizationId).toBeTruthy()
  })
})

describe('reported usage', () => {
  test('counts in the next verification, and a flushed Redis rebuilds by itself', async () => {
    const { key, keyId, organizationId } = await holderWith({ queries: 5 })
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    const events = [{ id: 'q', key_id: keyId, queries: 5 }]
    expect((await call('POST /api/v1/usage', { token, body: { events } })).body).toMatchObject({ accepted: 1 })
    expect(await isolate.verify(key)).toMatchObject({ code: 'QUOTA_EXCEEDED', refused_by: 'queries' })
    await isolate.deps().redis.shared.del(quotaKey(organizationId, toMonth(Date.now()).name))
    expect(await isolate.verify(key)).toMatchObject({ code: 'QUOTA_EXCEEDED', quotas: { queries: { used: 5 } } })
    await isolate.settled()
  })
})

describe('who may reserve', () => {
  test("a customer only for their own organization: another's key gets the same response as an unknown one", async () => {
    const [own, other] = [await holderWith({ tokens: 100 }), await newKeyHolder()]
    expect((await ask('reserve', { key_id: own.keyId, tokens: 1 }, own.token)).body).toMatchObject({ granted: true })
    const theirs = await ask('reserve', { key_id: other.keyId, tokens: 1 }, own.token)
    const unknown = await ask('reserve', { key_id: crypto.randomUUID(), tokens: 1 }, own.token)
    expect(theirs).toMatchObject({ status: 404, body: { code: 'key_not_found' } })
    expect(unknown).toMatchObject({ status: 404, body: { code: 'key_not_found' } })
    const { body } = await ask('reserve', { key_id: other.keyId, tokens: 1 })
    const settle = { reservation_id: body.reservation_id, input_tokens: 1 }
    expect(await ask('settle', settle, own.token)).toMatchObject({
      status: 404,
      body: { code: 'reservation_not_found' },
    })
    expect(await ask('reserve', { key_id: own.keyId, tokens: 1 }, own.key)).toMatchObject({ status: 403 })
  })

  test.each([
    ['nothing at all', {}, 'body'],
    ['nobody', { tokens: 1 }, 'body'],
    ['less than nothing', { organization_id: '01900000-0000-7000-8000-000000000000', tokens: -1 }, 'body.tokens'],
    ['for longer than a day', { tokens: 1, expires_in_seconds: 86_401 }, 'body.expires_in_seconds'],
  ])('%s is refused, naming the field', async (_, body, path) => {
    expect(await ask('reserve', body)).toMatchObject({ status: 400, body: { errors: [{ path }] } })
  })
})

describe('while Redis fails', () => {
  test('the last known figures decide, or everything is refused if the deployment fails closed', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { keyId: key_id } = await holderWith({ tokens: 100 })
    const alone = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    expect(await alone.reserve({ key_id, tokens: 100 })).toMatchObject({ granted: true, held: { tokens: 100 } })
    expect(await alone.reserve({ key_id, tokens: 101 })).toMatchObject({ granted: false })
    const closed = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE, ON_LIMITER_OUTAGE: 'closed' })
    await expect(closed.reserve({ key_id, tokens: 1 })).rejects.toMatchObject({ code: 'unavailable' })
    vi.restoreAllMocks()
  })
})

describe('by service binding', () => {
  test('reservations are made and settled, usage recorded and quotas read, with errors as data', async () => {
    const { keyId: key_id, organizationId: organization_id } = await holderWith({ tokens: 100 })
    const reserved = await exports.Tollgate.reserve({ key_id, tokens: 50 })
    expect(reserved).toMatchObject({ granted: true, held: { tokens: 50 } })
    const reservation_id = 'reservation_id' in reserved ? reserved.reservation_id : ''
    expect(await exports.Tollgate.settle({ reservation_id, input_tokens: 20 })).toMatchObject({ outcome: 'settled' })
    const events = [
      { organization_id, input_tokens: 5 },
      { organization_id, input_tokens: -5 },
    ]
    expect(await exports.Tollgate.recordUsage({ events })).toMatchObject({ accepted: 1, rejected: [{ index: 1 }] })
    expect(await exports.Tollgate.getQuotas({ organization_id })).toMatchObject({
      meters: { tokens: { used: 25, held: 0 } },
    })
    expect(await exports.Tollgate.getQuotas({ organization_id: crypto.randomUUID() })).toMatchObject({
      code: 'ORGANIZATION_NOT_FOUND',
      problem: { status: 404 },
    })
    expect(await exports.Tollgate.reserve({ key_id })).toMatchObject({ granted: false, code: 'INVALID_REQUEST' })
    expect(await exports.Tollgate.settle({} as any)).toMatchObject({
      code: 'INVALID_REQUEST',
      problem: { errors: [{ path: 'body.reservation_id' }] },
    })
  })
})

describe('gauges', () => {
  test('are held on top of the latest reading, and can fall as well as rise', async () => {
    const holder = await holderWith({ concepts: 100 })
    const { keyId: key_id } = holder
    const isolate = await newIsolate()
    await isolate.verify(holder.key) // counters begin without any gauge
    await isolate.settled()
    const report = (concepts: number) => call('POST /api/v1/usage', { token, body: { events: [{ key_id, concepts }] } })
    await report(90)
    expect((await ask('reserve', { key_id, concepts: 11 })).body).toMatchObject({
      granted: false,
      exceeded: { used: 90 },
    })
    await report(40)
    expect((await ask('reserve', { key_id, concepts: 11 })).body).toMatchObject({ granted: true })
    expect((await quotasOf(holder)).concepts).toMatchObject({ limit: 100, used: 40, held: 11, remaining: 49 })
  })
})

describe('a hold', () => {
  test('of tokens without a direction is priced at the dearer price', async () => {
    const { organizationId: organization_id } = await holderWith({ cost_usd: 0.0099 })
    const asked = { organization_id, provider: 'openai', model: 'gpt-4o', tokens: 1_000 }
    expect((await ask('reserve', asked)).body).toMatchObject({
      granted: false,
      exceeded: { requested: '0.010000', limit: '0.009900' },
    })
  })

  test('that settles after the end of its period counts in that period', async () => {
    const { keyId, organizationId } = await holderWith({ tokens: 1_000 })
    const isolate = await newIsolate()
    const { end } = toMonth(isolate.now())
    isolate.advance(end - isolate.now() - 30_000)
    const held = await isolate.reserve({ key_id: keyId, tokens: 500 })
    isolate.advance(60_000)
    const reservation_id = 'reservation_id' in held ? held.reservation_id : ''
    expect(await isolate.settle({ reservation_id, input_tokens: 450 })).toEqual({ outcome: 'settled', released: true })
    const rows = await isolate
      .deps()
      .sql.query(
        'select input_tokens::int, period_start from usage_periods where organization_id = $1 and input_tokens > 0',
        [organizationId],
      )
    expect(rows.map(({ input_tokens, period_start }) => [input_tokens, new Date(period_start).getTime()])).toEqual([
      [450, toMonth(end - 1).start],
    ])
    await isolate.settled()
  })

  test('reported calls are counted on top of what a lease holds', async () => {
    const holder = await holderWith({ api_calls: 1_000_000, rate_limit_per_minute: 1_000_000 })
    const isolate = await newIsolate()
    for (let count = 0; count < 20; count++) await isolate.verify(holder.key)
    const events = [{ key_id: holder.keyId, api_calls: 200 }]
    await call('POST /api/v1/usage', { token, body: { events } })
    await isolate.settled()
    expect((await quotasOf(holder)).api_calls).toMatchObject({ used: 220 })
  })
})
