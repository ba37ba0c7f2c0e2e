import { describe, expect, inject, test } from 'vitest'
import { drainUsageSpool, spoolUnattributed } from '../../../src/metering/spool.ts'
import { forgetPrices } from '../../../src/usage/pricing/own-prices.ts'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'

const { service_key } = inject('credentials')
const create = async (body: object, headers = {}) =>
  call('POST /api/v1/admin/prices', { token: await administrator(), body, headers })
const remove = async (id: string) => call(`DELETE /api/v1/admin/prices/${id}`, { token: await administrator() })

/** A provider that no other test has prices of. */
const newProvider = () => `acme-${crypto.randomUUID().slice(0, 8)}`

async function costOf(event: object) {
  const holder = await newKeyHolder()
  const body = { events: [{ key_id: holder.keyId, ...event }] }
  await call('POST /api/v1/usage?durability=sync', { token: service_key, body })
  const rows = await directly().sql.query(
    `select cost_usd::text as cost from usage_events where organization_id = $1`,
    [holder.organizationId],
  )
  return rows[0]?.cost
}

describe('an own price', () => {
  test('is set, listed, effective at once, and deleted; each action leaves an audit row', async () => {
    const provider = newProvider()
    const used = { provider, model: 'Sage-1', input_tokens: 1_000_000 }
    expect(await costOf(used)).toBeNull()
    const made = await create({
      provider: ` ${provider.toUpperCase()}`,
      model: 'SAGE-*',
      kind: 'input',
      usd_per_million: 2.25,
    })
    expect(made).toMatchObject({
      status: 201,
      body: { provider, model: 'sage-*', kind: 'input', usd_per_million: '2.250000', usd_per_unit: null },
    })
    expect(await costOf(used)).toBe('2.250000000')
    const token = await administrator()
    const list = await call(`GET /api/v1/admin/prices?provider=${provider}`, { token })
    expect(list.body).toEqual({ data: [made.body], next_cursor: null })
    expect((await remove(made.body.id)).status).toBe(204)
    expect(await costOf(used)).toBeNull()
    expect((await remove(made.body.id)).body.code).toBe('price_not_found')
    const { body: logs } = await call(`GET /api/v1/admin/audit-logs?target_id=${made.body.id}`, { token })
    const own = logs.data
    expect(own.map(({ action }: { action: string }) => action)).toEqual(['admin.price_deleted', 'admin.price_created'])
    expect(own[0].detail).toMatchObject({ provider, model: 'sage-*', usd_per_million: '2.250000' })
  })

  test('applies from its start, by the time of the event', async () => {
    const provider = newProvider()
    const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
    for (const [hoursAgo, usd_per_million] of [
      [10, '1'],
      [5, '3'],
    ] as const)
      await create({ provider, model: 'm', kind: 'output', usd_per_million, valid_from: at(hoursAgo) })
    const used = { provider, model: 'm', output_tokens: 1_000_000 }
    expect(await costOf({ ...used, timestamp: at(11) })).toBeNull()
    expect(await costOf({ ...used, timestamp: at(9) })).toBe('1.000000000')
    expect(await costOf({ ...used, timestamp: at(4) })).toBe('3.000000000')
    expect(await costOf(used)).toBe('3.000000000')
  })

  test('of an image or a request is listed beside those of tokens, and is zero where there is none', async () => {
    const provider = newProvider()
    await create({ provider, model: 'draw-1', kind: 'image', usd_per_unit: '0.04' })
    await create({ provider, model: 'draw-1', kind: 'request', usd_per_unit: '0.000000000001' })
    await create({ provider, model: 'read-1', kind: 'input', usd_per_million: '2' })
    const { body } = await call(`GET /api/v1/usage/prices?provider=${provider}`, { token: await administrator() })
    expect(body.data).toEqual([
      expect.objectContaining({
        model: 'draw-1',
        input_usd: null,
        image_usd: '0.040000',
        request_usd: '0.000000000001',
      }),
      expect.objectContaining({ model: 'read-1', input_usd: '2.000000', image_usd: null, request_usd: null }),
    ])
  })

  test('is for a token, a request, or a kind of tokens; usage without a price is unpriced', async () => {
    const provider = newProvider()
    await create({ provider, model: 'm', kind: 'request', usd_per_unit: '0.000000000001' })
    expect(await costOf({ provider, model: 'm' })).toBe('0.000000000')
    expect(await costOf({ provider, model: 'm', input_tokens: 1 })).toBeNull()
    for (const kind of ['input', 'output', 'audio_input'])
      await create({ provider, model: 'm', kind, usd_per_unit: 1e-6 })
    expect(await costOf({ provider, model: 'm', input_tokens: 10, output_tokens: 5 })).toBe('0.000015000')
    expect(await costOf({ provider, model: 'm', input_tokens: 10, audio_input_tokens: 4 })).toBe('0.000010000')
    expect(await costOf({ provider, model: 'm', output_tokens: 10, audio_output_tokens: 4 })).toBeNull()
  })

  test('of an image is part of what a reservation holds, and remains when a correction changes the tokens', async () => {
    const token = await administrator()
    await call('POST /api/v1/admin/meters', {
      token,
      body: { slug: 'images', name: 'Images', unit: 'images', kind: 'counter' },
    })
    const provider = newProvider()
    await create({ provider, model: 'm', kind: 'image', usd_per_unit: '0.04' })
    await create({ provider, model: 'm', kind: 'input', usd_per_unit: '0.001' })
    const { keyId: key_id, organizationId: organization_id } = await newKeyHolder()
    const used = { key_id, provider, model: 'm', quantities: { images: 3 }, input_tokens: 10 }
    expect((await call('POST /api/v1/usage/reserve', { token: service_key, body: used })).body).toMatchObject({
      granted: true,
      held: { cost_usd: '0.130000' },
    })
    const id = crypto.randomUUID()
    await call('POST /api/v1/usage?durability=sync', { token: service_key, body: { events: [{ ...used, id }] } })
    const body = { event_id: id, organization_id, input_tokens: 20, reason: 'A test' }
    const corrected = await call('POST /api/v1/usage/corrections', { token, body })
    expect(corrected.body.event).toMatchObject({ input_tokens: 20, cost_usd: '0.140000' })
    const correct = async (event_id: string, fields: object) => {
      const asked = { event_id, organization_id, reason: 'Fewer images', ...fields }
      return (await call('POST /api/v1/usage/corrections', { token, body: asked })).body.event.cost_usd
    }
    expect(await correct(id, { quantities: { images: 2 } })).toBe('0.090000') // of the event as it was reported
    const told = { ...used, id: crypto.randomUUID(), cost_usd: '7' }
    await call('POST /api/v1/usage?durability=sync', { token: service_key, body: { events: [told] } })
    expect(Number(await correct(told.id, { quantities: { images: 2 } }))).toBe(7)
  })

  test('of an image counts in a correction, also where the cost has fractions of a nano-dollar', async () => {
    const token = await administrator()
    const provider = newProvider()
    await create({ provider, model: 'm', kind: 'image', usd_per_unit: '0.04' })
    await create({ provider, model: 'm', kind: 'input', usd_per_million: '2.3456' })
    const { keyId: key_id, organizationId: organization_id } = await newKeyHolder()
    const event = {
      key_id,
      provider,
      model: 'm',
      input_tokens: 1_001,
      quantities: { images: 1 },
      id: crypto.randomUUID(),
    }
    await call('POST /api/v1/usage?durability=sync', { token: service_key, body: { events: [event] } })
    const body = { event_id: event.id, organization_id, quantities: { images: 2 }, reason: 'One more' }
    const { event: corrected } = (await call('POST /api/v1/usage/corrections', { token, body })).body
    expect(corrected.cost_usd).toBe('0.082347946')
  })

  test('does not change a cost that is reported', async () => {
    const provider = newProvider()
    await create({ provider, model: '*', kind: 'input', usd_per_million: '5' })
    expect(await costOf({ provider, model: 'm', input_tokens: 1_000_000, cost_usd: '0.1' })).toBe('0.100000000')
  })

  test('prices usage that was reported while no price could be read, once it can', async () => {
    const provider = newProvider()
    await create({ provider, model: 'm', kind: 'input', usd_per_million: '5' })
    const { keyId, organizationId } = await newKeyHolder()
    const event = {
      id: 'late',
      source: 'usage',
      occurred_at: new Date().toISOString(),
      key_id: keyId,
      provider,
      model: 'm',
    }
    await spoolUnattributed(directly(), { events: [{ ...event, input_tokens: 1_000_000 }], caller: null })
    const look = () =>
      directly().sql.query(`select cost_usd::text as cost from usage_events where organization_id = $1`, [
        organizationId,
      ])
    await expect
      .poll(async () => {
        await drainUsageSpool(directly())
        return look()
      })
      .toEqual([{ cost: '5.000000000' }])
  })

  test('is in the list of prices: as it is for the operator, with their markup for customers', async () => {
    const provider = newProvider()
    await create({ provider, model: 'm', kind: 'input', usd_per_million: '5' })
    forgetPrices()
    const { token } = await newUser()
    const line = `GET /api/v1/usage/prices?provider=${provider}&model=m`
    expect((await call(line, { token })).body.data).toMatchObject([{ input_usd: '5.000000', output_usd: null }])
    const reader = await newServiceKey('platform:usage:read')
    const { organizationId } = await newKeyHolder()
    const forOperator = await call(`${line}&organization_id=${organizationId}`, { token: reader.key })
    expect(forOperator.body.data).toMatchObject([{ input_usd: '5.000000' }])
  })

  test('is unique by its start: a second one is refused, and a repeat with the same key is the first', async () => {
    const body = {
      provider: newProvider(),
      model: 'm',
      kind: 'input',
      usd_per_million: '5',
      valid_from: '2026-01-01T00:00:00Z',
    }
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const [first, repeat] = [await create(body, headers), await create(body, headers)]
    expect([first.status, repeat.status, repeat.body]).toEqual([201, 201, first.body])
    expect(await create(body)).toMatchObject({ status: 409, body: { code: 'price_exists' } })
    expect((await create({ ...body, usd_per_million: '6' })).status).toBe(409)
    expect((await create({ ...body, valid_from: '2026-01-01T00:00:00.001Z' })).status).toBe(201)
  })

  test.each([
    ['provider', { provider: '' }],
    ['provider', { provider: 'a b' }],
    ['model', { model: ' ' }],
    ['kind', { kind: 'tokens' }],
    ['usd_per_million', { usd_per_million: undefined }],
    ['usd_per_million', { usd_per_million: '-1' }],
    ['usd_per_million', { usd_per_million: '0.0000001' }],
    ['usd_per_million', { usd_per_million: 1_000_001 }],
    ['usd_per_million', { kind: 'request' }],
    ['usd_per_unit', { usd_per_unit: '1' }],
    ['usd_per_unit', { usd_per_million: undefined, usd_per_unit: '0.0000000000001' }],
    ['valid_from', { valid_from: '2026-01-01' }],
    ['valid_from', { valid_from: 'soon' }],
    ['valid_form', { valid_form: '2026-01-01T00:00:00Z' }],
  ])('with a wrong %s is refused by name: %j', async (field, wrong) => {
    const answer = await create({ provider: 'acme', model: 'm', kind: 'input', usd_per_million: '1', ...wrong })
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.body.errors)).toContain(field)
  })
})
