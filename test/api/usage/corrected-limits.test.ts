/** What corrections of reported use change in the limits of keys. */
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { correctUsage } from '../../../src/usage/corrections/correct.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { call, newKeyHolder } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // a failing Redis is logged
beforeAll(defineMeters)

const service = inject('credentials').service_key
const OPERATOR = {
  kind: 'service',
  keyId: null,
  lineageId: 'test',
  organizationId: crypto.randomUUID(),
  scopes: [],
  onBehalfOf: null,
} as const

const LIMITS = [
  { name: 'budget', meter: 'cost_usd', limit: '10.00', period: 'month' },
  { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 86_400 },
  { name: 'calls', meter: 'api_calls', limit: 100, period: 'day' },
  { name: 'audio', meter: 'audio_seconds', limit: 60, period: 'month' },
  { name: 'each', meter: 'output_tokens', limit: 500, period: 'day', per: 'subject' },
  { name: 'images', meter: 'images', limit: 10, window_seconds: 3_600, per: 'subject' },
]
const EVENT = {
  id: 'wrong',
  subject: 'ada',
  input_tokens: 300,
  output_tokens: 400,
  api_calls: 7,
  cost_usd: '9.999999999',
  quantities: { audio_seconds: 2.5, images: 10 },
}

async function begin(limits: readonly object[] = LIMITS) {
  const { key, keyId, organizationId } = await newKeyHolder({ limits })
  const report = (event: object) =>
    call('POST /api/v1/usage', { token: service, body: { events: [{ key_id: keyId, ...event }] } })
  const left = async (subject = 'ada') => {
    const { body } = await call('POST /api/v1/keys/verify', { token: service, body: { key, cost: 0, subject } })
    return Object.fromEntries(Object.entries(body.limits).map(([name, limit]: any) => [name, limit.remaining]))
  }
  const correct = async (fields: object, event_id = 'wrong') => {
    const body = { event_id, organization_id: organizationId, reason: 'It was wrong', ...fields }
    const answer = await call('POST /api/v1/usage/corrections', { token: service, body })
    expect(answer.status).toBe(200)
    return answer.body
  }
  return { keyId, organizationId, report, left, correct }
}

const UNUSED = { budget: '10.000000', tokens: 1_000, calls: 100, audio: 60, each: 500, images: 10 }

describe('a correction of reported use', () => {
  test('that voids it returns all of it to the limits of its key and its subject, once', async () => {
    const { report, left, correct } = await begin()
    await report(EVENT)
    await report({ id: 'right', subject: 'ada', input_tokens: 10, api_calls: 1 })
    expect(await left()).toEqual({
      budget: '0.000000001',
      tokens: 290,
      calls: 92,
      audio: 57.5,
      each: 100,
      images: 0,
    })
    await Promise.all(Array.from({ length: 5 }, () => correct({ void: true })))
    await correct({ void: true })
    const rest = { ...UNUSED, tokens: 990, calls: 99 }
    expect(await left()).toEqual(rest)
    expect(await left('bob')).toMatchObject({ each: 500, images: 10 })
  })

  test('starts from what the last one left, down and up', async () => {
    const { report, left, correct } = await begin()
    await report(EVENT)
    await correct({ output_tokens: 100, quantities: { images: 4 } })
    expect(await left()).toMatchObject({ tokens: 600, each: 400, audio: 57.5, images: 6 })
    await correct({ output_tokens: 350, cost_usd: '0.5' })
    expect(await left()).toMatchObject({ tokens: 350, each: 150, budget: '9.500000', images: 0 })
    await correct({ void: true })
    expect(await left()).toEqual(UNUSED)
  })

  test('of another day or month does not change the limits of this one', async () => {
    const { report, left, correct } = await begin(LIMITS.filter(({ period }) => period !== undefined))
    await report({ id: 'now', subject: 'ada', output_tokens: 50, api_calls: 5 })
    await report({ ...EVENT, timestamp: new Date(Date.now() - 32 * 86_400_000).toISOString() })
    const before = await left()
    await correct({ void: true })
    expect(await left()).toEqual(before)
  })

  test('of use reported too late to count in a window does not change that window', async () => {
    const { report, left, correct } = await begin()
    await report({ id: 'right', subject: 'ada', quantities: { images: 4 } })
    await report({ ...EVENT, timestamp: new Date(Date.now() - 2 * 3_600_000).toISOString() })
    expect(await left()).toMatchObject({ images: 6, tokens: 300 })
    await correct({ quantities: { images: 12 } })
    expect(await left()).toMatchObject({ images: 6, tokens: 300 })
    await correct({ void: true })
    expect(await left()).toMatchObject({ images: 6, tokens: 1_000 })
  })

  test('is completed by a repeat if Redis failed the first time', async () => {
    const { organizationId, report, left, correct } = await begin()
    await report(EVENT)
    const deps = directly({ UPSTASH_REDIS_REST_URL: `${env.STACK_URL}/nowhere` })
    const body = { event_id: 'wrong', organization_id: organizationId, reason: 'It was wrong', void: true } as const
    const failing = { ...managementDeps(deps), defer: () => undefined }
    expect(await correctUsage(failing, OPERATOR, body)).toMatchObject({ outcome: 'corrected' })
    expect(await left()).toMatchObject({ tokens: 300, images: 0 })
    for (let times = 0; times < 2; times++) {
      expect(await correct({ void: true })).toMatchObject({ outcome: 'duplicate' })
      expect(await left()).toEqual(UNUSED)
    }
  })

  test('is completed by the next one if Redis failed and nobody repeated it', async () => {
    const { organizationId, report, left, correct } = await begin()
    await Promise.all([left(), left('ben')]) // so that Redis has their counters
    await report(EVENT)
    const failing = {
      ...managementDeps(directly({ UPSTASH_REDIS_REST_URL: `${env.STACK_URL}/nowhere` })),
      defer: () => undefined,
    }
    const body = { event_id: 'wrong', organization_id: organizationId, reason: 'It was wrong' } as const
    await correctUsage(failing, OPERATOR, { ...body, void: true })
    await correctUsage(failing, OPERATOR, { ...body, subject: 'ben' })
    expect(await left()).toMatchObject({ tokens: 300, each: 100 })
    await correct({ subject: 'ben', output_tokens: 100 })
    expect(await left()).toMatchObject({ tokens: 600, each: 500, images: 10 })
    expect(await left('ben')).toMatchObject({ tokens: 600, each: 400, images: 0 })
  })

  test('of a settlement counts in calendar periods, but not in a window that its units may have left', async () => {
    const hour = { name: 'hour', meter: 'tokens', limit: 1_000, window_seconds: 3_600 }
    const { keyId: key_id, left, correct } = await begin([...LIMITS, hour])
    const held = await call('POST /api/v1/usage/reserve', { token: service, body: { key_id, tokens: 100 } })
    const { reservation_id } = held.body
    const used = { input_tokens: 80, api_calls: 2 }
    await call('POST /api/v1/usage/settle', { token: service, body: { reservation_id, ...used } })
    await correct({ void: true }, reservation_id)
    expect(await left()).toMatchObject({ tokens: 1_000, hour: 920, calls: 100 })
  })

  test('shows nobody what it changed in limits', async () => {
    const { report, correct } = await begin()
    await report(EVENT)
    const { event } = await correct({ void: true })
    expect(Object.keys(event.correction).toSorted()).toEqual([
      'corrected_at',
      'corrected_by',
      'original',
      'reason',
      'void',
    ])
  })
})
