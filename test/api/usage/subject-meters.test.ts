import { beforeAll, expect, test } from 'vitest'
import { eraseFromUsage } from '../../../src/privacy/erase-usage.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { call, eventually, newKeyHolder, verify } from '../../support/http.ts'

const { sql } = directly()
beforeAll(() => defineMeters())

type Quantities = Record<string, number>
type Row = { subject: string; quantities: Quantities }

async function newHolder() {
  const holder = await newKeyHolder()
  const { token, keyId, organizationId } = holder
  const report = (events: readonly { subject?: string; quantities: Quantities; id?: string }[]) =>
    call('POST /api/v1/usage', { token, body: { events: events.map((one) => ({ key_id: keyId, ...one })) } })
  const list = async (query = '') => (await call(`GET /api/v1/usage/subjects${query}`, { token })).body
  const total = async () => (await call('GET /api/v1/usage/summary', { token })).body.totals.quantities
  return { ...holder, organizationId, report, list, total }
}

const byName = (data: readonly Row[]) => data.map(({ subject, quantities }) => [subject, quantities])

test('custom meters are summed by subject, and all parts add up to the totals', async () => {
  const { report, list, total } = await newHolder()
  await report([
    { subject: 'anna', quantities: { images: 3, audio_seconds: 0.125 } },
    { subject: 'anna', quantities: { images: 2, seats: 9 } },
    { subject: 'ben', quantities: { images: 1 } },
    { subject: 'carla', quantities: { images: 4 } },
    { quantities: { audio_seconds: 1.5 } },
  ])
  const { data, other, unnamed, erased } = await list('?limit=2')
  expect(byName(data)).toEqual([
    ['anna', { audio_seconds: 0.125, images: 5 }],
    ['ben', { images: 1 }],
  ])
  expect([other.quantities, unnamed.quantities, erased]).toEqual([{ images: 4 }, { audio_seconds: 1.5 }, null])
  expect(await total()).toEqual({ audio_seconds: 1.625, images: 10 })
  expect(byName((await list('?subject=carla')).data)).toEqual([['carla', { images: 4 }]])
  expect((await list('?to=2022-01-01&from=2021-12-31')).data).toEqual([])
})

test('amounts that verifications consume of custom meters are summed by subject', async () => {
  const { key, list, organizationId } = await newHolder()
  await verify(key, { subject: 'dora', quantities: { images: 2 } })
  await verify(key, { subject: 'dora', quantities: { images: 1 } })
  await eventually(
    () => sql.query('select amount from usage_meter_subject_days where organization_id = $1', [organizationId]),
    ([row]) => Number(row?.amount) === 3,
  )
  expect(byName((await list()).data)).toEqual([['dora', { images: 3 }]])
})

test('repeats count once, and a correction changes the sums, even after the subject was erased', async () => {
  const { report, list, token, organizationId } = await newHolder()
  const { key } = await newServiceKey('platform:usage')
  const events = ['first', 'second'].map((id) => ({ id, subject: 'anna', quantities: { images: 5 } }))
  await report(events)
  await report(events)
  const correct = (event_id: string, change: object) =>
    call('POST /api/v1/usage/corrections', {
      token: key,
      body: { event_id, organization_id: organizationId, reason: 'Too many', ...change },
    })
  expect((await correct('first', { quantities: { images: 2 } })).status).toBe(200)
  expect(byName((await list()).data)).toEqual([['anna', { images: 7 }]])
  await call('POST /api/v1/usage/subjects/erase', { token, body: { subject: 'anna' } })
  expect(await list()).toMatchObject({ data: [], erased: { quantities: { images: 7 } }, unnamed: null })
  const longAgo = Date.UTC(2000, 0, 1) // so that it comes first, and others wait
  await sql.query('update usage_erasures set deleted_at = $2 where organization_id = $1', [
    organizationId,
    new Date(longAgo).toISOString(),
  ])
  await eraseFromUsage(directly(), longAgo + 3_600_000)
  expect((await correct('second', { void: true })).status).toBe(200)
  expect(await list()).toMatchObject({ data: [], erased: { quantities: { images: 2 } }, unnamed: null })
})

const names = (data: readonly Row[]) => data.map(({ subject }) => subject)

test('subjects are sorted by a custom meter, with shares of it, and the parts still add up to the totals', async () => {
  const { report, list } = await newHolder()
  await report([
    { subject: 'anna', quantities: { images: 1 } },
    { subject: 'anna', quantities: {} },
    { subject: 'ben', quantities: { images: 5 } },
    { subject: 'carla', quantities: { audio_seconds: 9 } },
    { quantities: { images: 4 } },
  ])
  const { data, other, unnamed, order } = await list('?order=images&limit=2')
  expect(data.map(({ subject, share }: Row & { share: number }) => [subject, share])).toEqual([
    ['ben', 0.5],
    ['anna', 0.1],
  ])
  expect([order, other, unnamed]).toMatchObject(['images', { share: 0, subjects: 1 }, { share: 0.4 }])
  expect(names((await list('?order=audio_seconds')).data)).toEqual(['carla', 'anna', 'ben'])
  expect((await list('?order=images&subject=ben')).data).toMatchObject([{ subject: 'ben', share: 1 }])
})

test('pages continue where the previous one ended, despite new usage, and count each subject once', async () => {
  const { report, list } = await newHolder()
  const use = (subject: string, images: number) => report([{ subject, quantities: { images } }])
  for (const [subject, images] of [
    ['⚡/%_', 5],
    ['ben', 3],
    ['carla', 3],
    ['dora', 3],
    ['emil', 1],
  ] as const)
    await use(subject, images)
  const first = await list('?order=images&limit=2')
  expect(names(first.data)).toEqual(['⚡/%_', 'ben'])
  expect(first.other).toMatchObject({ subjects: 3, quantities: { images: 7 } })

  await use('new', 50)
  await use('ben', 10) // both are above the place now
  const second = await list(`?order=images&limit=2&cursor=${first.next_cursor}`)
  expect(names(second.data)).toEqual(['carla', 'dora'])
  expect(second.data[0].share).toBe(0.04)
  expect(second.other).toMatchObject({ subjects: 1, quantities: { images: 1 } })

  const last = await list(`?order=images&limit=2&cursor=${second.next_cursor}`)
  expect([names(last.data), last.other, last.next_cursor]).toEqual([['emil'], null, null])
  const byRequests = await list('?limit=1')
  const next = await list(`?limit=1&cursor=${byRequests.next_cursor}`)
  expect([names(byRequests.data), names(next.data)]).toEqual([['ben'], ['carla']])
})

test('every page covers the days of the first one', async () => {
  const { report, list } = await newHolder()
  await report(['anna', 'ben'].map((subject) => ({ subject, quantities: { images: 2 } })))
  const first = await list('?from=2022-01-01&to=2022-02-01&limit=1')
  expect(first.next_cursor).toBeNull()
  const { next_cursor: cursor, from, to } = await list('?limit=1')
  expect(await list(`?cursor=${cursor}`)).toMatchObject({ from, to, data: [{ subject: 'ben' }] })
})

test('the sort order must be a figure or a counter, and the cursor one of the list', async () => {
  const { report, list } = await newHolder()
  await report(['anna', 'ben'].map((subject) => ({ subject, quantities: { images: 2 } })))
  const { next_cursor: cursor } = await list('?order=images&limit=1')
  const path = async (query: string) => (await list(query)).errors?.[0].path
  expect(await path('?order=image')).toBe('query.order')
  expect(await path('?order=seats')).toBe('query.order')
  expect(await path(`?cursor=${cursor}`)).toBe('query.cursor')
  const forged = btoa(JSON.stringify(['images', '2022-01-01', '2022-02-01', '1e9', 1, 'a']))
  expect(await path(`?order=images&cursor=${forged}`)).toBe('query.cursor')
})
