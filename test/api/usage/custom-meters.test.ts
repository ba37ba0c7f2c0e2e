/** How custom meters appear in every report of usage. */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { checkUsageAlerts } from '../../../src/usage/alerts/job.ts'
import { usageForecast } from '../../../src/usage/analytics/forecast.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, setLimits, verify } from '../../support/http.ts'
import { newReceiver } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 30_000 })
beforeAll(defineMeters)

const DAY = 86_400_000
const { sql } = directly()

async function world() {
  const holder = await newKeyHolder()
  const { organizationId, keyId, token } = holder
  const write = (quantities: Record<string, number>, fields: Partial<UsageEvent> = {}) =>
    writeUsage(directly(), [
      {
        id: uuidv7(Date.now()),
        organization_id: organizationId,
        key_id: keyId,
        occurred_at: new Date().toISOString(),
        quantities,
        ...fields,
      },
    ])
  const get = async (path: string) => (await call(`GET /api/v1${path}`, { token })).body
  return { ...holder, write, get }
}

describe('the analytics', () => {
  test('sum up amounts by span, time and dimension, and the rest that is not listed', async () => {
    const { write, get, keyId, organizationId } = await world()
    const at = Date.now() - 3_600_000
    const occurred_at = new Date(at).toISOString()
    await write({ images: 3, audio_seconds: 0.5 }, { endpoint: '/a', occurred_at })
    await write({ images: 4 }, { endpoint: '/b', occurred_at })
    await write({ images: 1, audio_seconds: 0.25 }, { endpoint: '/c', occurred_at })
    await write({}, { endpoint: '/d', occurred_at })
    const span = `from=${new Date(at - 3_600_000).toISOString()}`
    const all = { images: 8, audio_seconds: 0.75 }

    expect(await get(`/usage/summary?${span}`)).toMatchObject({
      totals: { requests: 4, quantities: all },
      previous: { totals: { quantities: {} } },
    })
    const { data: buckets } = await get(`/usage/timeseries?interval=hour&${span}`)
    expect(buckets.filter((bucket: { requests: number }) => bucket.requests > 0)).toMatchObject([{ quantities: all }])
    const filtered = await get(`/usage/timeseries?interval=hour&endpoint=/a&${span}`)
    expect(filtered.data).toContainEqual(
      expect.objectContaining({ requests: 1, quantities: { images: 3, audio_seconds: 0.5 } }),
    )

    const month = await get(`/auth/usage/stats?period=${occurred_at.slice(0, 7)}`)
    expect(month.totals).toMatchObject({ requests: 4, quantities: all })
    expect(month.by_day).toMatchObject([{ day: occurred_at.slice(0, 10), quantities: all }])
    expect(month.by_key).toMatchObject([{ key_id: keyId, quantities: all }])
    expect(month.by_endpoint.find(({ endpoint }: any) => endpoint === '/c').quantities).toEqual({
      images: 1,
      audio_seconds: 0.25,
    })
    expect(month.by_endpoint.find(({ endpoint }: any) => endpoint === '/d').quantities).toEqual({})

    const { data: ofKeys } = await get(`/usage/keys?key_ids=${keyId}&${span}`)
    const [{ succeeded, quantities }] = ofKeys
    const hour = succeeded.indexOf(4)
    expect(quantities).toEqual({
      images: succeeded.map((_: number, place: number) => (place === hour ? 8 : 0)),
      audio_seconds: succeeded.map((_: number, place: number) => (place === hour ? 0.75 : 0)),
    })

    const byEndpoint = await get(`/usage/breakdown?by=endpoint&order=images&limit=2&${span}`)
    expect(byEndpoint).toMatchObject({
      order: 'images',
      data: [
        { value: '/b', share: 0.5, quantities: { images: 4 } },
        { value: '/a', share: 0.375, quantities: { images: 3, audio_seconds: 0.5 } },
      ],
      other: { groups: 2, share: 0.125, quantities: { images: 1, audio_seconds: 0.25 } },
    })
    const byKey = await get(`/usage/breakdown?by=key&${span}`)
    expect(byKey.data).toMatchObject([{ value: keyId, quantities: all }])
    const ofKey = await get(`/usage/breakdown?by=endpoint&order=audio_seconds&key_id=${keyId}&${span}`)
    expect(ofKey.data[0]).toMatchObject({ value: '/a', quantities: { images: 3, audio_seconds: 0.5 } })

    const ofAll = await call(`GET /api/v1/admin/usage/summary?organization_id=${organizationId}&${span}`, {
      token: await administrator(),
    })
    expect(ofAll.body.totals.quantities).toEqual(all)
  })

  test.each(['imagez', 'seats'])('cannot be sorted by %s, which is not a counter', async (order) => {
    const { get } = await world()
    const { status, errors } = await get(`/usage/breakdown?by=key&order=${order}`)
    expect({ status, path: errors[0].path }).toEqual({ status: 400, path: 'query.order' })
  })

  test('have the amounts of each event, also as a file, and of each day', async () => {
    const { write, get } = await world()
    await write({ images: 3, audio_seconds: 0.5 }, { endpoint: '/a' })
    await write({ images: 2 }, { endpoint: '/a' })
    const { data } = await get('/usage/events')
    expect(data).toMatchObject([{ quantities: { images: 2 } }, { quantities: { images: 3, audio_seconds: 0.5 } }])
    const [header = '', ...events] = (await get('/usage/export')).trim().split('\r\n')
    expect(header.split(',').at(-1)).toBe('quantities')
    expect(events[1]).toContain('"{""images"":3,""audio_seconds"":0.5}"')
    const daily = (await get('/usage/export?what=daily')).trim().split('\r\n')
    expect(daily).toHaveLength(2)
    expect(daily[1]).toContain('"{""images"":5,""audio_seconds"":0.5}"')
  })

  test('move what a verification consumed to where its report says the request went', async () => {
    const { key, get, keyId, token } = await world()
    const { body } = await verify(key, { endpoint: '/a', quantities: { images: 3 } })
    const event = { request_id: body.request_id, key_id: keyId, status_code: 503, model: 'painter' }
    expect((await call('POST /api/v1/usage', { token, body: { events: [event] } })).body).toMatchObject({ accepted: 1 })
    const byModel = () => get('/usage/breakdown?by=model&order=images')
    const { data } = await eventually(
      byModel,
      ({ data: [first] }) => first?.value === 'painter' && first.quantities.images === 3,
    )
    expect(data).toHaveLength(1)
    const byStatus = await get('/usage/breakdown?by=status&order=images')
    expect(byStatus.data[0]).toMatchObject({ value: '503', quantities: { images: 3 } })
  })
})

test('a forecast says how long a quota lasts at the rate of the last days', async () => {
  const { write, organizationId } = await world()
  const now = Date.now()
  await setLimits(organizationId, { meters: { images: 1_000_000, audio_seconds: 0.5 } })
  for (let day = 1; day <= 7; day++)
    await write({ images: 10, audio_seconds: 0.25 }, { occurred_at: new Date(now - day * DAY).toISOString() })
  await write({ audio_seconds: 0.5 })
  const { meters } = (await usageForecast(sql, organizationId, now)) as { meters: Record<string, unknown> }
  expect(meters).toMatchObject({
    images: { limit: 1_000_000, outlook: 'lasts', rate_per_day: expect.any(Number) },
    audio_seconds: { limit: 0.5, outlook: 'exhausted' },
  })
  expect(Object.keys(meters)).not.toContain('seats')
})

test('alerts report each percentage of a limit once, by its display name', async () => {
  const { write, organizationId, token, email, get } = await world()
  await setLimits(organizationId, { meters: { images: 100, seats: 10 } })
  const { id: endpointId } = await newReceiver(token)
  const minute = Math.floor(Date.now() / 3_600_000) * 3_600_000 + Math.max(1, new Date().getUTCMinutes()) * 60_000
  const run = () => checkUsageAlerts(directly(), minute)
  const told = async () => (await get('/usage/alerts')).data.map((one: any) => [one.meter, one.threshold, one.used])

  await write({ images: 79 })
  await run()
  expect(await told()).toEqual([])
  await write({ images: 1 })
  await run()
  await run()
  expect(await told()).toEqual([['images', 80, 80]])
  await write({ images: 20, seats: 10 })
  await run()
  expect(new Set((await told()).map(([meter, threshold]: string[]) => `${meter} ${threshold}`))).toEqual(
    new Set(['images 80', 'images 95', 'images 100', 'seats 80', 'seats 95', 'seats 100']),
  )
  const mails = await sql.query('select subject from mail_outbox where recipient = $1 order by id', [email])
  const subjects = mails.map(({ subject }) => subject as string)
  expect(subjects.some((subject) => subject.includes('has used 80% of its Images'))).toBe(true)
  expect(subjects.some((subject) => subject.includes('reached its limit of Seats'))).toBe(true)
  const sent = await sql.query(
    `select payload->'data'->>'meter' as meter from webhook_deliveries where endpoint_id = $1 and type = 'quota.exhausted'`,
    [endpointId],
  )
  expect(new Set(sent.map(({ meter }) => meter))).toEqual(new Set(['images', 'seats']))
})
