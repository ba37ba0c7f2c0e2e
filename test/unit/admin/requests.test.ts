import { expect, test } from 'vitest'
import { readHint } from '../../../src/admin/keys/hint.ts'
import { chooseRange, explainVerdict } from '../../../src/admin/requests/rules.ts'
import { firstIdAt, readTime } from '../../../src/lib/id-time.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')
const DAY = 24 * 3_600_000

test('only a UUIDv7 contains its time', () => {
  expect(readTime(uuidv7(NOW))).toBe(NOW)
  expect(readTime(uuidv7(0))).toBe(0)
  for (const id of [crypto.randomUUID(), 'order-1', '', uuidv7(NOW).slice(1), `${uuidv7(NOW)}0`])
    expect(readTime(id), id).toBeUndefined()
})

test('the first id of a moment comes before all others of it, and after those of the moment before', () => {
  expect(firstIdAt(NOW) <= uuidv7(NOW)).toBe(true)
  expect(firstIdAt(NOW) > uuidv7(NOW - 1)).toBe(true)
  expect(firstIdAt(-1)).toBe(firstIdAt(0))
})

test('a request is searched around the time of its id, otherwise in the last seven days, or in a given span', () => {
  const id = uuidv7(NOW)
  expect(chooseRange(id, {}, NOW + DAY)).toEqual({ from: NOW - 10_000, to: NOW + 60_000 })
  expect(chooseRange('order-1', {}, NOW)).toEqual({ from: NOW + 60_000 - 7 * DAY, to: NOW + 60_000 })
  expect(chooseRange('order-1', { to: NOW }, NOW + DAY)).toEqual({ from: NOW - 7 * DAY, to: NOW })
  expect(chooseRange('order-1', { from: NOW }, NOW + DAY)).toEqual({ from: NOW, to: NOW + 7 * DAY })
  expect(chooseRange(id, { from: 1, to: 2 }, NOW)).toEqual({ from: 1, to: 2 })
})

test('the explanation names the limit, what was left of it, and what did not fit', () => {
  const basis = { plan: 'free', versions: [1, 1] } as const
  const windows = { ratelimit: [60, 0, '2026-11-20T12:00:30.000Z'], bursts: [5, 1, null] } as const
  const explain = (code: 'RATE_LIMITED' | 'QUOTA_EXCEEDED', more: object) =>
    explainVerdict({ code, trace: { ...basis, ...more }, ip: null })
  expect(explain('RATE_LIMITED', { windows, refused_by: 'ratelimit' })).toBe(
    'The rate limit of 60 units had 0 left, and its one unit did not fit until 2026-11-20T12:00:30.000Z.',
  )
  expect(explain('RATE_LIMITED', { windows, refused_by: 'bursts', never_fits: true })).toBe(
    'The limit bursts is 5, less than the request asked for: it never fits.',
  )
  const quotas = { cost_usd: ['5.000000', '4.900000', '0.200000'] }
  expect(explain('QUOTA_EXCEEDED', { quotas, refused_by: 'cost_usd', cost: 3, alone: true })).toBe(
    'The quota of cost_usd for the period was 5.000000; 4.900000 were used and 0.200000 held by reservations, so that its 3 units did not fit. Redis did not answer: one isolate decided alone, by what it knew.',
  )
})

test('a hint is read as shown, with three dots, or as one end', () => {
  expect(readHint('ck_live_8Q…x9Kd')).toEqual({ start: 'ck_live_8Q', end: 'x9Kd' })
  expect(readHint('ck_live_8Q...x9Kd')).toEqual({ start: 'ck_live_8Q', end: 'x9Kd' })
  expect(readHint('…x9Kd')).toEqual({ start: '', end: 'x9Kd' })
  expect(readHint('x9Kd')).toEqual({ start: 'x9Kd' })
})
