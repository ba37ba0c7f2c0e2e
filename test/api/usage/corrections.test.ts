import { describe, expect, inject, test } from 'vitest'
import { correct, newCustomer, report, sumsOf } from '../../support/corrected-usage.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'

const { sql } = directly()
const { service_key } = inject('credentials')
const service = { token: service_key }

describe('POST /api/v1/usage/corrections', () => {
  test('voids an event: statistics and quotas drop by it once, and it keeps its original values', async () => {
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

  test('replaces the given fields, prices it again, and moves it to the other model', async () => {
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
  ])('of %s is refused by name', async (_, wrong, status, code) => {
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

  test('charges the markup that the event had, also after a correction without a price', async () => {
    const { keyId: key_id, organization_id, plan, listed } = await newCustomer(20)
    const used = { provider: 'openai', model: 'gpt-4o', input_tokens: 400_000 } // $1.00
    await report([{ id: 'e', key_id, ...used }])
    const fix = (fields: object) =>
      correct({ event_id: 'e', organization_id, reason: JSON.stringify(fields), ...fields })
    await fix({ model: 'gpt-4oo' })
    expect(await listed('e')).toMatchObject({ cost_usd: null, charge_usd: null })
    await sql.query('update plans set markup_percent = 50 where id = $1', [plan])
    await fix({ model: 'gpt-4o' })
    expect(await listed('e')).toMatchObject({ cost_usd: '1.000000', charge_usd: '1.200000' })
  })

  test('cannot be made of a verification, or by customers', async () => {
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
    ['key_id', { key_id: 'the second one' }],
    ['void', { void: true, subject: null }],
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

describe('corrections of your own meters', () => {
  test('replace the amounts that they name: statistics and quotas follow, other meters stay unchanged', async () => {
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
