/** Alerts at amounts of meters. */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { alertWorld, DAY, fullLook } from '../../../support/alert-world.ts'
import { defineMeters } from '../../../support/custom-meters.ts'
import { newServiceKey } from '../../../support/customers.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newUser, setLimits } from '../../../support/http.ts'

vi.setConfig({ testTimeout: 30_000 })
beforeAll(defineMeters)

const { sql } = directly()
/** There is no limit in dollars at all. */
const FAR = { api_calls: 1_000_000, storage_gb: 1_000 }
const usage = (meter: string, amount: number | string) => ({ meter, kind: 'usage', amount })
const overage = (meter: string, amount: number | string) => ({ meter, kind: 'overage', amount })

describe('an amount that was used', () => {
  test('is sent once, when it is reached and not before, even if the meter has no limit', async () => {
    const { put, use, run, alerts, mails, events } = await alertWorld(FAR)
    await put({ amounts: [usage('cost_usd', '5')] })
    await use({ charge_usd: 4.99 })
    await run()
    expect(await alerts()).toEqual([])

    await use({ charge_usd: 5 })
    await Promise.all([run(), run(), run()])
    await use({ charge_usd: 6 })
    await run()
    expect(await alerts()).toEqual([
      {
        id: expect.any(String),
        meter: 'cost_usd',
        kind: 'usage',
        period_start: expect.any(String),
        limit: null,
        threshold: null,
        amount: '5.000000',
        used: '5.000000',
        crossed_at: expect.any(String),
        notified_at: expect.any(String),
      },
    ])
    expect(await events()).toEqual([['quota.threshold_reached', '5.000000']])
    expect(await mails()).toEqual([expect.stringContaining('reached 5 of cost in US dollars')])
  })

  test('is sent beside an equal limit, and only the limit counts as exhausted', async () => {
    const { put, use, run, events } = await alertWorld({ api_calls: 1_000 })
    await put({ thresholds: [], amounts: [usage('api_calls', 1_000)] })
    await use({ api_calls: 1_000 })
    await run()
    expect((await events()).map(([type, passed]) => `${type} ${passed}`).toSorted()).toEqual([
      'quota.exhausted 100',
      'quota.threshold_reached 100',
      'quota.threshold_reached 1000',
    ])
  })

  test('is listed if it is passed together with higher ones, and only the highest is sent', async () => {
    const { put, use, run, alerts, events } = await alertWorld(FAR)
    await put({ amounts: [usage('api_calls', 9), usage('api_calls', 100), usage('api_calls', 30)] })
    await use({ api_calls: 120 })
    await run()
    expect(await events()).toEqual([['quota.threshold_reached', 100]])
    const listed = (await alerts()).map(({ amount }: { amount: number }) => amount)
    expect(new Set(listed)).toEqual(new Set([9, 30, 100]))
  })

  test('is sent once per period however often it is set, and one below it never', async () => {
    const { put, use, run, alerts, events } = await alertWorld(FAR)
    await put({ amounts: [usage('api_calls', 100)] })
    await use({ api_calls: 150 })
    await run()
    await put({ amounts: [] })
    await put({ amounts: [usage('api_calls', 100), usage('api_calls', 50)] })
    await use({ api_calls: 40 }) // usage was corrected, and then continues
    await run()
    await use({ api_calls: 160 })
    await run()
    expect(await events()).toEqual([['quota.threshold_reached', 100]])
    expect(await alerts()).toHaveLength(2)

    await use({ api_calls: 100 }, -32 * DAY, Date.now() + 32 * DAY)
    await run(Date.now() + 32 * DAY)
    expect((await events()).at(-1)).toEqual(['quota.threshold_reached', 100])
    expect(await events()).toHaveLength(2)
  })

  test('may be of dollars, of a gauge, and of custom meters', async () => {
    const { put, use, run, alerts, mails, organizationId } = await alertWorld(FAR)
    const amounts = [
      usage('audio_seconds', 12.5),
      usage('cost_usd', '0.40'),
      usage('seats', 3),
      usage('storage_gb', 1.5),
    ]
    expect((await put({ amounts })).body.amounts).toEqual([
      ...amounts.slice(0, 1),
      usage('cost_usd', '0.400000'),
      ...amounts.slice(2),
    ])
    await use({ charge_usd: 0.4 })
    await sql.query(
      `insert into usage_meter_periods (organization_id, period_start, meter, amount)
       select id, usage_period_start(period_anchor, now()), 'audio_seconds', 12.5 from organizations where id = $1`,
      [organizationId],
    )
    await sql.query(`insert into usage_gauges values ($1, 'storage_gb', 1.6, now()), ($1, 'seats', 2, now())`, [
      organizationId,
    ])
    await run()
    const told = (await alerts()).map(({ meter, amount, used }: any) => [meter, amount, used])
    expect(told.toSorted()).toEqual([
      ['audio_seconds', 12.5, 12.5],
      ['cost_usd', '0.400000', '0.400000'],
      ['storage_gb', 1.5, 1.6],
    ])
    expect(await mails()).toContainEqual(expect.stringContaining('reached 12.5 of Audio'))
  })

  test('is found by the hourly full scan if it is set after it was used', async () => {
    const { put, use, run, events } = await alertWorld(FAR)
    await use({ api_calls: 70 }, 3_600_000)
    await run(fullLook())
    await put({ amounts: [usage('api_calls', 70)] })
    await run()
    expect(await events()).toEqual([])
    await run(fullLook())
    expect(await events()).toEqual([['quota.threshold_reached', 70]])
  })
})

describe('an amount above the limit', () => {
  test('is counted from the limit, which may be 0, and is never reached without a limit', async () => {
    const { put, use, run, alerts, mails } = await alertWorld({ api_calls: 1_000, queries: 0 })
    await put({ thresholds: [], amounts: [overage('api_calls', 200), overage('queries', 5), overage('cost_usd', 1)] })
    await use({ api_calls: 1_199, queries: 4, charge_usd: 9 })
    await run()
    expect((await alerts()).map(({ kind }: { kind: string }) => kind)).toEqual(['percentage'])

    await use({ api_calls: 1_201, queries: 5, charge_usd: 9 })
    await run()
    const overages = (await alerts()).filter(({ kind }: { kind: string }) => kind === 'overage')
    expect(overages.map(({ meter, amount, used }: any) => [meter, amount, used]).toSorted()).toEqual([
      ['api_calls', 200, 201],
      ['queries', 5, 5],
    ])
    expect(await mails()).toContainEqual(expect.stringContaining('reached 200 above its limit of API calls'))
  })

  test('is sent once per period, even if the limit is raised and passed again', async () => {
    const { put, use, run, events, organizationId } = await alertWorld({ cost_usd: 1 })
    await put({ thresholds: [], amounts: [overage('cost_usd', '0.50')] })
    await use({ charge_usd: 1.5 })
    await run()
    await setLimits(organizationId, { cost_usd: 2 })
    await use({ charge_usd: 2.6 })
    await run()
    const reached = (await events()).filter(([, amount]) => amount === '0.500000')
    expect(reached).toEqual([['quota.threshold_reached', '0.500000']])
  })
})

describe('PUT /api/v1/usage/alerts/thresholds', () => {
  test('changes only what it names: percentages, amounts, or both', async () => {
    const { put, token } = await alertWorld(FAR)
    await put({ thresholds: [50], amounts: [usage('queries', 20), usage('queries', 3), overage('queries', 1)] })
    expect((await put({ thresholds: null })).body).toMatchObject({ is_default: true, amounts: [{}, {}, {}] })
    const { body } = await put({ amounts: [{ meter: 'queries', amount: 3 }, usage('queries', 3)] })
    expect(body).toEqual({ thresholds: [80, 95], is_default: true, amounts: [usage('queries', 3)] })
    expect((await call('GET /api/v1/usage/alerts/thresholds', { token })).body).toEqual(body)
    const { body: log } = await call('GET /api/v1/audit-logs?action=organization.alert_thresholds_changed', { token })
    expect(log.data.map(({ detail }: { detail: object }) => detail)).toMatchObject([
      { amounts: [usage('queries', 3)] },
      { thresholds: null },
      {
        thresholds: [50],
        amounts: [overage('queries', 1), usage('queries', 3), usage('queries', 20)].toSorted(byKind),
      },
    ])
  })

  const byKind = (a: { kind: string; amount: number | string }, b: { kind: string; amount: number | string }) =>
    Number(a.kind === 'overage') - Number(b.kind === 'overage') || Number(a.amount) - Number(b.amount)

  test.each([
    [{}, 'body.thresholds'],
    [{ amounts: null }, 'body.amounts'],
    [{ amounts: [usage('querys', 1)] }, 'body.amounts.0.meter'],
    [{ amounts: [usage('queries', 1), usage('__proto__', 1)] }, 'body.amounts.1.meter'],
    [{ amounts: [usage('queries', 0)] }, 'body.amounts.0.amount'],
    [{ amounts: [usage('queries', 0.5)] }, 'body.amounts.0.amount'],
    [{ amounts: [usage('queries', '5')] }, 'body.amounts.0.amount'],
    [{ amounts: [usage('cost_usd', '0.0000001')] }, 'body.amounts.0.amount'],
    [{ amounts: [usage('audio_seconds', 0.0001)] }, 'body.amounts.0.amount'],
    [{ amounts: [{ meter: 'queries', kind: 'percentage', amount: 5 }] }, 'body.amounts.0.kind'],
    [{ amounts: Array.from({ length: 21 }, (_, at) => usage('queries', at + 1)) }, 'body.amounts'],
  ])('names what is wrong with %j', async (body, path) => {
    const { token } = await newUser()
    const answer = await call('PUT /api/v1/usage/alerts/thresholds', { token, body })
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } })
  })

  test('can be called by the operator, for a customer', async () => {
    const { organizationId, token } = await alertWorld(FAR)
    const at = `PUT /api/v1/usage/alerts/thresholds?organization_id=${organizationId}`
    const { key } = await newServiceKey('platform:organizations:write')
    expect((await call(at, { token: key, body: { amounts: [usage('tokens', 7)] } })).status).toBe(200)
    expect((await call(at, { token: await administrator(), body: { thresholds: [7] } })).status).toBe(200)
    const { body } = await call('GET /api/v1/usage/alerts/thresholds', { token })
    expect(body).toEqual({ thresholds: [7], is_default: false, amounts: [usage('tokens', 7)] })
  })

  test('keeps a meter with an alert from being deleted', async () => {
    const admin = await administrator()
    const slug = `alert_${crypto.randomUUID().slice(0, 8)}`
    await call('POST /api/v1/admin/meters', { token: admin, body: { slug, name: 'A', unit: 'a', kind: 'counter' } })
    const { put } = await alertWorld(FAR)
    await put({ amounts: [usage(slug, 1)] })
    const remove = () => call(`DELETE /api/v1/admin/meters/${slug}`, { token: admin })
    expect((await remove()).body.code).toBe('meter_in_use')
    await put({ amounts: [] })
    expect((await remove()).status).toBe(204)
  })
})
