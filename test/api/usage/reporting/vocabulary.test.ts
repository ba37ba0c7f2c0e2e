import { describe, expect, inject, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { call, newKeyHolder } from '../../../support/http.ts'

const { service_key } = inject('credentials')
const { sql } = directly()
const report = (events: readonly object[]) => call('POST /api/v1/usage', { token: service_key, body: { events } })
const reserve = (body: object) => call('POST /api/v1/usage/reserve', { token: service_key, body })
const settle = (body: object) => call('POST /api/v1/usage/settle', { token: service_key, body })

async function totalsOf({ token }: { token: string }) {
  return (await call('GET /api/v1/auth/usage/stats', { token })).body.totals
}

describe('POST /api/v1/usage: money', () => {
  test.each([
    [20, '0.000400'],
    [25, '0.000500'],
  ])('a thousand events of %i tokens at $0.02 a million cost $%s', async (input_tokens, cost_usd) => {
    const holder = await newKeyHolder()
    const event = { key_id: holder.keyId, provider: 'openai', model: 'text-embedding-3-small', input_tokens }
    const { body } = await report(Array.from({ length: 1_000 }, () => event))
    expect(body).toMatchObject({ accepted: 1_000, rejected: [] })
    expect(await totalsOf(holder)).toMatchObject({ requests: 1_000, cost_usd })
  })

  test('is rounded half up to nano-dollars, in every input form', async () => {
    const holder = await newKeyHolder()
    const costs = ['0.00014175', 0.1 + 0.2, 1e-7, '0.0000285', '4e-10', '5e-10', ' 1 ']
    const { body } = await report(costs.map((cost_usd) => ({ key_id: holder.keyId, cost_usd })))
    expect(body).toMatchObject({ accepted: costs.length, rejected: [] })
    const rows = await sql.query(
      'select cost_usd::text as cost from usage_events where organization_id = $1 order by cost_usd',
      [holder.organizationId],
    )
    expect(rows.map(({ cost }) => cost)).toEqual([
      '0.000000000',
      '0.000000001',
      '0.000000100',
      '0.000028500',
      '0.000141750',
      '0.300000000',
      '1.000000000',
    ])
    expect(await totalsOf(holder)).toMatchObject({ cost_usd: '1.300170351' })
  })

  test('is as precise in a storage reading', async () => {
    const holder = await newKeyHolder()
    expect((await report([{ key_id: holder.keyId, storage_gb: 1e-7 }])).body).toMatchObject({ accepted: 1 })
    const rows = await sql.query('select value::text from usage_gauges where organization_id = $1', [
      holder.organizationId,
    ])
    expect(rows).toEqual([{ value: '0.000000100' }])
  })
})

describe('POST /api/v1/usage: tokens', () => {
  test.each([
    ['OpenAI', { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 }, [30, 12, 0]],
    ['their sum alone', { tokens: 42 }, [0, 42, 0]],
    ['the sum and one part', { tokens: 42, output_tokens: 12 }, [30, 12, 0]],
    [
      'Anthropic',
      { input_tokens: 10, cache_read_input_tokens: 90, cache_creation_input_tokens: 5, output_tokens: 7 },
      [105, 7, 90],
    ],
    ['more cached than input', { input_tokens: 10, cached_tokens: 90, output_tokens: 7 }, [100, 7, 90]],
    ['cached input', { input_tokens: 100, cached_tokens: 90 }, [100, 0, 90]],
  ])('are accepted under the names of %s', async (_, tokens, [input_tokens, output_tokens, cached_tokens]) => {
    const holder = await newKeyHolder()
    expect((await report([{ key_id: holder.keyId, ...tokens }])).body).toMatchObject({ accepted: 1 })
    const { body } = await call('GET /api/v1/usage/summary', { token: holder.token })
    expect(body.totals).toMatchObject({ input_tokens, output_tokens, cached_tokens })
  })
})

describe('POST /api/v1/usage: what describes', () => {
  test('is truncated or dropped with a warning, and billed amounts count', async () => {
    const holder = await newKeyHolder()
    const events = [
      { user_agent: 'u'.repeat(501) },
      { endpoint: `/${'p'.repeat(223)}` },
      { error_message: 'e'.repeat(1_001) },
      { route: 'a\u0000b' },
      { error_code: 'half \ud800' },
      { endpoint: `${'x'.repeat(199)}😀` },
      { status_code: 0 },
      { response_time_ms: -3 },
      { metadata: { note: 'x'.repeat(4_000) } },
      { ip: 7 },
    ]
    const { body } = await report(events.map((event) => ({ key_id: holder.keyId, queries: 1, ...event })))
    expect(body).toMatchObject({ accepted: events.length, rejected: [] })
    expect(body.warnings).toEqual(
      events.map((event, index) => ({
        index,
        id: null,
        field: Object.keys(event)[0],
        code: index < 6 ? 'cut' : 'left_out',
        detail: expect.any(String),
      })),
    )
    expect(await totalsOf(holder)).toMatchObject({ requests: events.length, queries: events.length })
  })

  test('is truncated in a verification as well', async () => {
    const { key } = await newKeyHolder()
    const body = { key, endpoint: 'e'.repeat(300), user_agent: 'half \ud800', method: 'A-VERY-LONG-METHOD' }
    expect((await call('POST /api/v1/keys/verify', { token: service_key, body })).body).toMatchObject({ valid: true })
  })

  test('is normalized to one spelling, so that a breakdown has one row per model', async () => {
    const holder = await newKeyHolder()
    await report(
      ['gpt-4o', 'GPT-4o', 'gpt-4o '].map((model) => ({
        key_id: holder.keyId,
        provider: 'OpenAI',
        model,
        input_tokens: 1,
      })),
    )
    const { body } = await call('GET /api/v1/usage/breakdown?by=model', { token: holder.token })
    expect(body.data).toMatchObject([{ requests: 3 }])
    const found = await call('GET /api/v1/usage/events?model=GPT-4O', { token: holder.token })
    expect(found.body.data).toHaveLength(3)
  })
})

describe('POST /api/v1/usage/settle', () => {
  test.each([
    ['nothing', {}],
    ['a status alone', { status_code: 500 }],
    ['units and a cancellation', { cancel: true, input_tokens: 500 }],
    ['counts that contradict each other', { tokens: 3, input_tokens: 3, output_tokens: 1 }],
    ['an unknown field', { inputTokens: 3 }],
  ])('with %s is refused, and the hold stays', async (_, said) => {
    const holder = await newKeyHolder()
    const { body } = await reserve({ key_id: holder.keyId, tokens: 900 })
    const { reservation_id } = body
    expect(await settle({ reservation_id, ...said })).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect((await settle({ reservation_id, tokens: 700 })).body).toEqual({ outcome: 'settled', released: true })
    expect(await totalsOf(holder)).toMatchObject({ tokens: 700 })
  })

  test('counts, whatever its descriptive fields are', async () => {
    const holder = await newKeyHolder()
    const { reservation_id } = (await reserve({ key_id: holder.keyId, prompt_tokens: 3, completion_tokens: 9 })).body
    const { body } = await settle({ reservation_id, completion_tokens: 2, user_agent: 'u'.repeat(501), status_code: 0 })
    expect(body).toMatchObject({ outcome: 'settled' })
    expect(body.warnings.map(({ field }: { field: string }) => field).toSorted()).toEqual(['status_code', 'user_agent'])
  })
})

describe('POST /api/v1/usage: a report that names the verdict’s request', () => {
  test('completes it: three calls that end in 500 are three requests and three errors', async () => {
    const holder = await newKeyHolder()
    for (const status_code of [500, 502, 503]) {
      const verdict = await call('POST /api/v1/keys/verify', { token: service_key, body: { key: holder.key } })
      const { request_id } = verdict.body
      const event = {
        id: request_id,
        request_id,
        key_id: holder.keyId,
        status_code,
        response_time_ms: 12,
        model: 'gpt-4o',
        provider: 'openai',
        input_tokens: 20,
      }
      expect((await report([event])).body).toMatchObject({ accepted: 1, rejected: [] })
      expect((await report([event])).body).toMatchObject({ accepted: 0, duplicates: 1 })
    }
    await expect
      .poll(async () => totalsOf(holder), { timeout: 20_000 })
      .toMatchObject({ requests: 3, errors: 3, api_calls: 3, input_tokens: 60, cost_usd: '0.000150' })
    const { body } = await call('GET /api/v1/usage/breakdown?by=model&order=cost_usd', { token: holder.token })
    expect(body.data).toMatchObject([
      { value: 'gpt-4o', requests: 3, api_calls: 3, input_tokens: 60, cost_usd: '0.000150', errors: 3, error_rate: 1 },
    ])
    expect(body.data).toHaveLength(1)
    const byStatus = await call('GET /api/v1/usage/breakdown?by=status', { token: holder.token })
    expect(
      byStatus.body.data.map(({ value, requests, errors }: Record<string, unknown>) => [value, requests, errors]),
    ).toEqual([
      ['500', 1, 1],
      ['502', 1, 1],
      ['503', 1, 1],
    ])
    const stats = await call('GET /api/v1/auth/usage/stats', { token: holder.token })
    expect(stats.body.by_model).toMatchObject([{ model: 'gpt-4o', cost_usd: '0.000150' }])
  })

  test('completes it even if the verdict is a repeat with the same idempotency key', async () => {
    const holder = await newKeyHolder()
    const body = { key: holder.key, idempotency_key: crypto.randomUUID() }
    const verdicts = [1, 2].map(() => call('POST /api/v1/keys/verify', { token: service_key, body }))
    const [first, repeat] = await Promise.all(verdicts)
    expect(repeat?.body.request_id).not.toBe(first?.body.request_id)
    const event = { request_id: repeat?.body.request_id.toUpperCase(), key_id: holder.keyId, status_code: 500 }
    expect((await report([event])).body).toMatchObject({ accepted: 1 })
    const read = async () => (await call('GET /api/v1/usage/breakdown?by=status', { token: holder.token })).body.data
    await expect.poll(read, { timeout: 20_000 }).toMatchObject([{ value: '500', requests: 1, errors: 1, api_calls: 1 }])
    expect(await read()).toHaveLength(1)
  })
})
