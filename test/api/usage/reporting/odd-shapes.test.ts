/** Odd shapes that harm nobody are taken, and what cannot be counted costs no other event. */
import { beforeAll, expect, inject, test } from 'vitest'
import { ingestUsage } from '../../../../src/usage/reporting/ingest.ts'
import { defineMeters } from '../../../support/custom-meters.ts'
import { directly } from '../../../support/direct.ts'
import { call, newKeyHolder, verify } from '../../../support/http.ts'

beforeAll(defineMeters)

const token = inject('credentials').service_key
const post = async (path: string, body: object) => (await call(`POST /api/v1/usage${path}`, { token, body })).body

const ODD = [
  { subject: '' },
  { cost_usd: '.5' },
  { cost_usd: '1e-100' },
  { cost_usd: 1e-100 },
  { cost_usd: '-0' },
  { cost_usd: -5e-17 },
  { cost_usd: '-5e-17' },
  { storage_gb: -5e-17 },
  { input_tokens: -5e-17 },
  { queries: 1e-100 },
  { quantities: { images: -5e-17 } },
  { quantities: { audio_seconds: 1e-100 } },
]
const WRONG = [
  { cost_usd: -0.001 },
  { cost_usd: '-' },
  { cost_usd: '.' },
  { cost_usd: 'e5' },
  { cost_usd: '1e400' },
  { input_tokens: -1 },
  { queries: 1.5 },
  { quantities: { images: -1e-9 } },
  { subject: 'x'.repeat(129) },
]

test.each(ODD)('%j is taken from a report, a reservation, a settlement and a correction', async (odd) => {
  const { keyId: key_id, organizationId: organization_id } = await newKeyHolder()
  const id = crypto.randomUUID()
  expect(await post('', { events: [{ id, key_id, output_tokens: 1, ...odd }] })).toMatchObject({ accepted: 1 })
  const { reservation_id } = await post('/reserve', { key_id, output_tokens: 1, ...odd })
  expect(await post('/settle', { reservation_id, output_tokens: 1, ...odd })).toMatchObject({ outcome: 'settled' })
  if ('storage_gb' in odd) return // a reading is not corrected
  const corrected = { event_id: id, organization_id, output_tokens: 2, ...odd, reason: 'Measured again' }
  expect(await post('/corrections', corrected)).toMatchObject({ outcome: 'corrected' })
})

test('an empty subject names nobody', async () => {
  const limits = [{ name: 'each', meter: 'tokens', limit: 10, period: 'day', per: 'subject' }]
  const { key, keyId: key_id, organizationId } = await newKeyHolder({ limits })
  await post('', { events: [{ key_id, subject: '', input_tokens: 4 }] })
  const { reservation_id } = await post('/reserve', { key_id, subject: '', input_tokens: 3 })
  await post('/settle', { reservation_id, subject: '', input_tokens: 3 })
  const left = async (more: object) => (await verify(key, { cost: 0, ...more })).body.limits.each.remaining
  expect([await left({}), await left({ subject: '' })]).toEqual([3, 3])
  const rows = await directly().sql.query('select distinct subject from usage_events where organization_id = $1', [
    organizationId,
  ])
  expect(rows).toEqual([{ subject: null }])
})

const mixed = (key_id: string) =>
  [...ODD, ...WRONG].map((fields) => Object.assign({ key_id, output_tokens: 1 }, fields))
const AFTER = WRONG.map((_, at) => ({ index: ODD.length + at, code: 'invalid_event' }))

test('one that is wrong costs no other event of its batch', async () => {
  const { keyId } = await newKeyHolder()
  expect(await post('', { events: mixed(keyId) })).toMatchObject({ accepted: ODD.length, rejected: AFTER })
})

test('one that is wrong costs no other CloudEvent', async () => {
  const { keyId } = await newKeyHolder()
  const envelope = { specversion: '1.0', source: 'test', type: 'use' }
  const body = JSON.stringify(mixed(keyId).map((data, at) => Object.assign({ id: String(at), data }, envelope)))
  const headers = { 'Content-Type': 'application/cloudevents-batch+json' }
  const answer = await call('POST /api/v1/usage', { token, body, headers })
  expect(answer.body).toMatchObject({ accepted: ODD.length, rejected: AFTER })
})

test('values that only a service binding can carry cost no other event', async () => {
  const { keyId: key_id } = await newKeyHolder()
  const circle: Record<string, unknown> = { key_id }
  circle.metadata = circle
  const events = [
    { key_id, queries: Number.POSITIVE_INFINITY },
    { key_id, queries: Number.NaN },
    { key_id, quantities: { images: Number.NaN } },
    { key_id, queries: 5n },
    undefined,
    circle, // loses its metadata alone
    { key_id, queries: 1 },
  ]
  const answer = await ingestUsage(directly(), { events }, { organizationId: null })
  expect(answer).toMatchObject({ accepted: 2, rejected: [0, 1, 2, 3, 4].map((index) => ({ index })) })
})
