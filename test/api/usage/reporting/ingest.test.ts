import { describe, expect, inject, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { call, newKeyHolder, newUser } from '../../../support/http.ts'
import { ago, newReporter, UNKNOWN } from '../../../support/usage-reports.ts'

const DAY = 86_400_000
const { service_key } = inject('credentials')
const { sql } = directly()
const { holder, report, fresh, stored } = await newReporter()
const { keyId, organizationId } = holder

describe('POST /api/v1/usage: a reported event', () => {
  test('is in the database when it is acknowledged, with the organization, user and environment of its key', async () => {
    const at = Date.now() - DAY
    const event = {
      ...fresh(),
      timestamp: new Date(at + 7_200_000).toISOString().replace('Z', '+02:00'),
      endpoint: '/v1/answers',
      method: 'POST',
      status_code: 200,
      response_time_ms: 12.6,
      api_calls: 1,
      queries: 2,
      input_tokens: 100,
      output_tokens: 20,
      cached_tokens: 100,
      provider: 'openai',
      model: 'gpt-5',
      cost_usd: '00.1',
      route: 'cache',
      ip: '203.0.113.7',
      user_agent: 'curl',
      error_code: 'E',
      error_message: 'none',
      metadata: { trace: ['a', { b: 1 }] },
    }
    expect(await report([event])).toMatchObject({
      status: 200,
      body: { accepted: 1, duplicates: 0, conflicts: [], rejected: [] },
    })
    const { id, key_id, response_time_ms: _, ip, user_agent, metadata, error_message, ...rest } = event
    const row = await stored(id)
    expect(row).toMatchObject({ id, key_id, ip, user_agent, metadata, error_message, response_time_ms: 13 })
    expect(row).toMatchObject({ user_id: holder.user.id, environment: 'live', cost_usd: '0.100000000', requests: 1 })
    expect(new Date(row?.occurred_at).getTime()).toBe(at)
    for (const name of ['endpoint', 'method', 'status_code', 'provider', 'model', 'route', 'error_code'] as const)
      expect(row?.[name], name).toBe(rest[name])
    for (const name of ['api_calls', 'queries', 'input_tokens', 'output_tokens', 'cached_tokens'] as const)
      expect(Number(row?.[name]), name).toBe(rest[name])
  })

  test('counts now if it has no time, and gets an id of ours if it has none', async () => {
    const { user } = await newUser()
    const before = Date.now()
    const { body } = await report([
      { organization_id: user.organization_id },
      { organization_id: user.organization_id },
    ])
    expect(body).toMatchObject({ accepted: 2 })
    const rows = await sql.query('select id, occurred_at from usage_events where organization_id = $1', [
      user.organization_id,
    ])
    for (const { id, occurred_at } of rows) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      expect(new Date(occurred_at).getTime()).toBeGreaterThanOrEqual(before)
    }
  })

  test('that arrives late counts in its own month', async () => {
    const { user } = await newUser()
    const timestamp = ago(34 * DAY)
    await report([{ organization_id: user.organization_id, timestamp, queries: 4 }])
    const [row] = await sql.query(
      `select to_char(period_start at time zone 'UTC', 'YYYY-MM') as month, queries::int from usage_periods where organization_id = $1`,
      [user.organization_id],
    )
    expect(row).toEqual({ month: timestamp.slice(0, 7), queries: 4 })
  })

  test('is priced by its model and tokens unless it brings its cost; an unknown model has no cost, not zero', async () => {
    const llm = { provider: 'openai', input_tokens: 1_000_000, output_tokens: 0 }
    const events = [
      { ...fresh(), ...llm, model: 'gpt-4o-mini' },
      { ...fresh(), ...llm, model: 'gpt-4o-mini', cost_usd: 0.000001 },
      { ...fresh(), ...llm, model: 'nobody-knows-this-one' },
    ]
    expect((await report(events)).body).toMatchObject({ accepted: 3 })
    const costs = await Promise.all(events.map(async ({ id }) => (await stored(id))?.cost_usd))
    expect(costs).toEqual(['0.150000000', '0.000001000', null])
  })

  test('may read gauges, and the newest reading counts', async () => {
    const { user } = await newUser()
    const organization_id = user.organization_id as string
    await report([
      { organization_id, concepts: 12, storage_gb: '1.5', timestamp: ago(1_000) },
      { organization_id, concepts: 10, timestamp: ago(2_000) },
    ])
    const rows = await sql.query(
      'select meter, value::float8 as value from usage_gauges where organization_id = $1 order by 1',
      [organization_id],
    )
    expect(rows).toEqual([
      { meter: 'concepts', value: 12 },
      { meter: 'storage_gb', value: 1.5 },
    ])
  })
})

describe('POST /api/v1/usage: the same id', () => {
  test('counts once, whatever the server filled in and whatever the order of fields', async () => {
    const event = { ...fresh(), model: 'gpt-4o-mini', input_tokens: 5, metadata: { a: 1, b: { c: 2, d: 3 } } }
    const { metadata: _, ...rest } = event
    const again = { metadata: { b: { d: 3, c: 2 }, a: 1 }, ...rest, queries: null }
    expect((await report([event, again])).body).toMatchObject({ accepted: 1, duplicates: 1, conflicts: [] })
    expect((await report([again])).body).toEqual({ accepted: 0, duplicates: 1, conflicts: [], rejected: [] })
  })

  test('with different content is a conflict, for that event alone', async () => {
    const [one, two] = [fresh(), fresh()]
    await report([one])
    const { status, body } = await report([{ ...one, queries: 1 }, two, { ...two, queries: 1 }])
    expect([status, body]).toEqual([
      200,
      {
        accepted: 1,
        duplicates: 0,
        conflicts: [
          { index: 0, id: one.id },
          { index: 2, id: two.id },
        ],
        rejected: [],
      },
    ])
    expect(Number((await stored(one.id))?.queries)).toBe(0)
  })

  test('of another organization, or of a verification, is a different event', async () => {
    const id = crypto.randomUUID()
    const other = await newKeyHolder()
    const verification = { key: holder.key, idempotency_key: id }
    await call('POST /api/v1/keys/verify', { token: service_key, body: verification })
    const answer = await report([
      { id, key_id: keyId, output_tokens: 7 },
      { id, key_id: other.keyId },
    ])
    expect(answer.body).toMatchObject({ accepted: 2, conflicts: [] })
  })
})

describe('POST /api/v1/usage: an event that is not taken', () => {
  const BAD = [
    ['no object', 7, 'invalid_event', ''],
    ['nothing that says whose it is', { queries: 1 }, 'invalid_event', 'key_id'],
    ['a negative quantity', { key_id: keyId, queries: -1 }, 'invalid_event', 'queries'],
    ['half a token', { key_id: keyId, input_tokens: 0.5 }, 'invalid_event', 'input_tokens'],
    ['a quantity as text', { key_id: keyId, api_calls: '1' }, 'invalid_event', 'api_calls'],
    ['more than an event can stand for', { key_id: keyId, api_calls: 10_000_000_001 }, 'invalid_event', 'api_calls'],
    ['an unknown field', { key_id: keyId, cost: 1 }, 'invalid_event', '`cost`; did you mean `cost_usd`?'],
    ['another unknown one', { key_id: keyId, inputTokens: 5 }, 'invalid_event', 'did you mean `input_tokens`?'],
    ['a sum that is none', { key_id: keyId, tokens: 5, input_tokens: 3, output_tokens: 1 }, 'invalid_event', 'tokens'],
    ['two counts of the same', { key_id: keyId, input_tokens: 5, prompt_tokens: 6 }, 'invalid_event', 'prompt_tokens'],
    ['a negative cost', { key_id: keyId, cost_usd: '-1' }, 'invalid_event', 'cost_usd'],
    ['a cost in words', { key_id: keyId, cost_usd: 'one' }, 'invalid_event', 'cost_usd'],
    ['a cost beyond all', { key_id: keyId, cost_usd: '1e9' }, 'invalid_event', 'cost_usd'],
    ['an empty id', { id: '', key_id: keyId }, 'invalid_event', 'id'],
    ['too long an id', { id: 'x'.repeat(256), key_id: keyId }, 'invalid_event', 'id'],
    ['no moment', { key_id: keyId, timestamp: '2026-02-30T00:00:00Z' }, 'invalid_event', 'timestamp'],
    ['36 days of age', { key_id: keyId, timestamp: ago(35 * DAY + 60_000) }, 'too_old', ''],
    ['a moment to come', { key_id: keyId, timestamp: ago(-6 * 60_000) }, 'in_future', ''],
    ['an unknown key', { key_id: UNKNOWN }, 'key_not_found', ''],
    ['an unknown organization', { organization_id: UNKNOWN }, 'organization_not_found', ''],
    ['an organization’s id for a key', { key_id: organizationId }, 'key_not_found', ''],
    ['a key’s id for an organization', { organization_id: keyId }, 'organization_not_found', ''],
    [
      'a key of another organization',
      { key_id: keyId, organization_id: inject('credentials').organization_id },
      'key_not_found',
      '',
    ],
  ] as const

  test('gets a reason and the field, and does not affect the others in the same batch', async () => {
    const good = [
      fresh(),
      { ...fresh(), timestamp: ago(35 * DAY - 60_000) },
      { ...fresh(), timestamp: ago(-4 * 60_000) },
    ]
    const { status, body } = await report([...BAD.map(([, event]) => event), ...good])
    expect([status, body.accepted]).toEqual([200, good.length])
    for (const [index, [what, event, code, field]] of BAD.entries()) {
      const id = typeof event === 'object' && 'id' in event ? event.id.slice(0, 255) : null
      expect(body.rejected[index], what).toMatchObject({ index, id, code })
      expect(body.rejected[index].detail, what).toContain(field)
    }
    expect(body.rejected).toHaveLength(BAD.length)
  })

  test('does not include one with every text at its maximum length', async () => {
    const wide = (length: number) => '😀'.repeat(length / 2)
    const event = { ...fresh(), endpoint: wide(200), provider: wide(100), model: wide(200), route: wide(100) }
    const random = (length: number) =>
      Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000))).join('')
    const hard = {
      ...fresh(),
      id: random(255),
      endpoint: random(200),
      provider: random(100),
      model: random(200),
      route: random(100),
    }
    expect((await report([event, hard])).body).toMatchObject({ accepted: 2, rejected: [] })
  })
})
