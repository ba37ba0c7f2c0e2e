import fc from 'fast-check'
import { describe, expect, inject, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'

const { service_key } = inject('credentials')
const service = { token: service_key }
const { sql } = directly()
const report = (events: readonly object[]) =>
  call('POST /api/v1/usage?durability=sync', { ...service, body: { events } })
const correct = (body: object, token = service_key) => call('POST /api/v1/usage/corrections', { token, body })

async function newCustomer(markup = 25) {
  const holder = await newKeyHolder()
  const admin = await administrator()
  const plan = `fair-${crypto.randomUUID().slice(0, 8)}`
  await sql.query(
    `insert into plans (id, name, limits, features, is_public, markup_percent)
     select $1, 'Plan of a test', limits, features, false, $2 from plans where id = 'free'`,
    [plan, markup],
  )
  await call(`PUT /api/v1/admin/organizations/${holder.organizationId}/plan`, { token: admin, body: { plan } })
  const meters = async () => (await call('GET /api/v1/quotas', { token: holder.token })).body.meters
  const listed = async (id: string, token = admin) =>
    (await call(`GET /api/v1/usage/events?id=${id}&organization_id=${holder.organizationId}`, { token })).body.data[0]
  return { ...holder, admin, meters, listed, organization_id: holder.organizationId }
}

const FIGURES = [
  'requests',
  'errors',
  'api_calls',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'charge_usd',
  'unpriced',
  'response_time_count',
  'latency_3',
]

async function sumsOf(organizationId: string) {
  const of = async (table: string, where = '', names = FIGURES) => {
    const list = names.map((name) => `coalesce(sum(${name}), 0)::text as ${name}`).join(', ')
    return (await sql.query(`select ${list} from ${table} where organization_id = $1 ${where}`, [organizationId]))[0]
  }
  const ofPeriods = FIGURES.filter((name) => !/response|latency/.test(name))
  const events = await sql.query(
    `select sum(requests)::text as requests, sum(api_calls)::text as api_calls, sum(input_tokens)::text as input_tokens,
       sum(output_tokens)::text as output_tokens, coalesce(sum(cost_usd), 0)::numeric(24,9)::text as cost_usd,
       coalesce(sum(charge_usd), 0)::numeric(24,9)::text as charge_usd,
       count(*) filter (where model <> '' and cost_usd is null)::text as unpriced, count(response_time_ms)::text as response_time_count
     from usage_events where organization_id = $1`,
    [organizationId],
  )
  return {
    events: events[0],
    totals: await of('usage_totals'),
    hourly: await of('usage_hourly'),
    environments: await of('usage_slices', `and dimension = 'environment'`),
    days: await of('usage_daily_slices', `and dimension = 'environment'`),
    periods: await of('usage_periods', '', ofPeriods),
  }
}

describe('POST /api/v1/usage/corrections', () => {
  test('voids an event: statistics and quotas fall by it once, and it stays with what it was', async () => {
    const { keyId, organization_id, meters, listed, token } = await newCustomer()
    const event = { key_id: keyId, model: 'gpt-4o', provider: 'openai', api_calls: 2, response_time_ms: 7 }
    await report([
      { ...event, id: 'right', input_tokens: 1_000 },
      { ...event, id: 'wrong', input_tokens: 9_000, cost_usd: '0.4', status_code: 500 },
    ])
    expect(await meters()).toMatchObject({
      tokens: { used: 10_000 },
      api_calls: { used: 4 },
      cost_usd: { used: '0.503125' },
    })
    const body = { event_id: 'wrong', organization_id, void: true, reason: 'Reported twice' }
    const answers = await Promise.all(Array.from({ length: 5 }, () => correct(body)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(answers.filter(({ body: { outcome } }) => outcome === 'corrected')).toHaveLength(1)
    expect((await correct(body)).body.outcome).toBe('duplicate')
    expect(await meters()).toMatchObject({
      tokens: { used: 1_000 },
      api_calls: { used: 2 },
      cost_usd: { used: '0.003125' },
    })
    const sums = await sumsOf(organization_id)
    expect(sums.totals).toMatchObject({ requests: '1', errors: '0', response_time_count: '1', cost_usd: '0.002500000' })
    expect(await listed('wrong')).toMatchObject({
      input_tokens: 0,
      cost_usd: '0.000000',
      correction: {
        void: true,
        reason: 'Reported twice',
        corrected_by: { type: 'service' },
        original: { input_tokens: 9_000, cost_usd: '0.400000000' },
      },
    })
    const theirs = await listed('wrong', token)
    expect(theirs.correction).toMatchObject({ reason: 'Reported twice', original: { cost_usd: '0.500000000' } })
    expect(JSON.stringify(theirs)).not.toMatch(/0\.4000|corrected_by|charge_usd/)
    const { body: logs } = await call('GET /api/v1/admin/audit-logs?target_id=wrong', { token: await administrator() })
    expect(logs.data.filter(({ organization_id: of }: any) => of === organization_id)).toMatchObject([
      { action: 'usage.corrected', detail: { reason: 'Reported twice' } },
    ])
  })

  test('replaces what is given, prices it again, and moves it to the other model', async () => {
    const { keyId, organization_id, meters, token } = await newCustomer()
    await report([
      {
        id: 'e',
        key_id: keyId,
        provider: 'openai',
        model: 'gpt-4o',
        input_tokens: 1_000,
        cached_tokens: 500,
        output_tokens: 100,
      },
    ])
    const change = async (fields: object) =>
      (await correct({ event_id: 'e', organization_id, reason: 'Fixed', ...fields })).body
    const first = await change({ output_tokens: 10 })
    expect(first.event).toMatchObject({
      input_tokens: 1_000,
      cached_tokens: 500,
      output_tokens: 10,
      cost_usd: '0.001975',
    })
    const second = await change({ model: 'gpt-4o-mini' })
    expect(second.event).toMatchObject({
      model: 'gpt-4o-mini',
      output_tokens: 100,
      cost_usd: '0.0001725',
      charge_usd: '0.000215625',
    })
    expect((await change({ model: 'gpt-4o-mini' })).outcome).toBe('duplicate')
    expect((await meters()).cost_usd.used).toBe('0.000215625')
    const { body } = await call('GET /api/v1/usage/breakdown?by=model', { token })
    expect(body.data).toMatchObject([{ value: 'gpt-4o-mini', requests: 1, tokens: 1_100, cost_usd: '0.000215625' }])
    const third = await change({ cost_usd: '0.5', reason: 'By invoice' })
    expect(third.event).toMatchObject({ model: 'gpt-4o', cost_usd: '0.500000', charge_usd: '0.625000' })
    const up = await change({ cost_usd: '0.9', reason: 'By another invoice' })
    expect([up.outcome, (await meters()).cost_usd.used]).toEqual(['corrected', '1.125000'])
  })

  test.each([
    ['no event', { event_id: 'nothing' }, 404, 'event_not_found'],
    ['no such organization', { external_id: 'nobody-at-all' }, 404, 'organization_not_found'],
  ])('of %s is told by name', async (_, wrong, status, code) => {
    const { organization_id } = await newCustomer()
    const body = {
      event_id: 'e',
      void: true,
      reason: 'r',
      ...('external_id' in wrong ? {} : { organization_id }),
      ...wrong,
    }
    const answer = await correct(body)
    expect(answer).toMatchObject({ status, body: { code } })
    if (status === 404 && 'event_id' in wrong) expect(answer.body.detail).toContain('nothing')
  })

  test('is not of a verification, nor by customers', async () => {
    const { organization_id, key, token } = await newCustomer()
    const { body: verdict } = await call('POST /api/v1/keys/verify', { ...service, body: { key } })
    const body = { event_id: verdict.request_id, organization_id, void: true, reason: 'r' }
    await expect.poll(async () => (await correct(body)).body.code).toBe('event_not_correctable')
    expect((await correct(body, token)).status).toBe(404)
    expect((await correct(body, key)).status).toBe(403)
  })

  test.each([
    ['void', {}],
    ['void', { void: true, input_tokens: 1 }],
    ['void', { void: false }],
    ['reason', { void: true, reason: '' }],
    ['total_tokens', { input_tokens: 1, output_tokens: 1, total_tokens: 3 }],
    ['key_id', { key_id: crypto.randomUUID() }],
  ])('with a wrong %s is refused by name: %j', async (field, wrong) => {
    const { body, status } = await correct({
      event_id: 'e',
      organization_id: crypto.randomUUID(),
      reason: 'r',
      ...wrong,
    })
    expect(status).toBe(400)
    expect(JSON.stringify(body.errors)).toContain(field)
  })
})

test('after any events and corrections every sum is the sum of the events, to the nano-dollar', {
  timeout: 120_000,
}, async () => {
  const tokens = fc.integer({ min: 0, max: 100_000 })
  const event = fc.record({
    model: fc.constantFrom('gpt-4o', 'text-embedding-3-small', 'unheard-of', ''),
    input_tokens: tokens,
    output_tokens: tokens,
    api_calls: fc.integer({ min: 0, max: 3 }),
    status_code: fc.constantFrom(200, 500),
    hoursAgo: fc.integer({ min: 0, max: 60 }),
    response_time_ms: fc.constantFrom(undefined, 7, 300),
  })
  const change = fc.oneof(
    fc.constant({ void: true }),
    fc.record({ input_tokens: tokens }),
    fc.record({ model: fc.constantFrom('gpt-4o', 'unheard-of') }),
    fc.record({ cost_usd: fc.constantFrom('0.0000000005', '0.123456789', '0') }),
  )
  const history = fc.record({
    markup: fc.constantFrom(0, 12.5, 33.3333),
    events: fc.array(event, { minLength: 1, maxLength: 6 }),
    changes: fc.array(fc.tuple(fc.nat(5), change), { maxLength: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(history, async ({ markup, events, changes }) => {
      const { keyId, organization_id, meters } = await newCustomer(markup)
      await report(
        events.map(({ hoursAgo, ...one }, at) => ({
          ...one,
          id: `e${at}`,
          key_id: keyId,
          timestamp: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
        })),
      )
      for (const [at, [index, fields]] of changes.entries())
        await correct({ event_id: `e${index % events.length}`, organization_id, reason: `r${at}`, ...fields })
      const { events: expected, ...sums } = await sumsOf(organization_id)
      for (const [name, sum] of Object.entries(sums)) {
        const shared = Object.fromEntries(
          Object.entries(expected as object).filter(([figure]) => figure in (sum as object)),
        )
        expect(sum, name).toMatchObject(shared)
      }
      const [period] = await sql.query(
        `select charge_usd::text as charge from usage_periods where organization_id = $1 and period_start = usage_period_start(null, now())`,
        [organization_id],
      )
      const used = (await meters()).cost_usd.used as string
      expect(Number(used)).toBe(Number(period?.charge ?? 0))
    }),
    { numRuns: 12 },
  )
})

describe('corrections of your own meters', () => {
  test('replace the amounts that they name: statistics and quotas follow, the other meters stay', async () => {
    await defineMeters()
    const { keyId: key_id, organization_id, meters, listed, admin } = await newCustomer()
    await report([
      { id: 'e', key_id, quantities: { images: 9, audio_seconds: 2.5 } },
      { id: 'other', key_id, quantities: { images: 1 } },
    ])
    expect(await meters()).toMatchObject({ images: { used: 10 }, audio_seconds: { used: 2.5 } })
    const correction = { event_id: 'e', organization_id, quantities: { images: 4 }, reason: 'Five failed' }

    expect((await correct(correction)).body).toMatchObject({
      outcome: 'corrected',
      event: { quantities: { images: 4, audio_seconds: 2.5 } },
    })
    expect((await correct(correction)).body.outcome).toBe('duplicate')

    expect(await meters()).toMatchObject({ images: { used: 5 }, audio_seconds: { used: 2.5 } })
    const query = `organization_id=${organization_id}`
    const { totals } = (await call(`GET /api/v1/usage/summary?${query}`, { token: admin })).body
    expect(totals.quantities).toEqual({ images: 5, audio_seconds: 2.5 })
    expect((await listed('e')).correction.original.quantities).toEqual({ images: 9, audio_seconds: 2.5 })

    await correct({ ...correction, quantities: { audio_seconds: 0 } })
    expect(await meters()).toMatchObject({ images: { used: 10 }, audio_seconds: { used: 0 } })
  })

  test.each([
    ['images', 1.5, 'whole number'],
    ['imagez', 1, 'images'],
    ['tokens', 1, 'built in'],
    ['seats', 1, 'gauge'],
  ])('refuse %s: %d by name, and nothing changes', async (slug, amount, message) => {
    await defineMeters()
    const { keyId: key_id, organization_id, meters } = await newCustomer()
    await report([{ id: 'e', key_id, quantities: { images: 3, seats: 2 } }])
    const { status, body } = await correct({
      event_id: 'e',
      organization_id,
      quantities: { [slug]: amount },
      reason: 'Wrong',
    })
    expect(status).toBe(400)
    expect(body.errors).toMatchObject([{ path: `body.quantities.${slug}`, message: expect.stringContaining(message) }])
    expect(await meters()).toMatchObject({ images: { used: 3 }, seats: { used: 2 } })
  })
})
