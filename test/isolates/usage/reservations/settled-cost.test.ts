/** A settlement that states no cost is priced by the model of its reservation, or says that its cost is not known. */
import { afterEach, expect, test, vi } from 'vitest'
import { ReserveBody, SettleBody } from '../../../../src/usage/reservations/schemas.ts'
import { breakStores } from '../../../support/broken-stores.ts'
import { newKeyHolder } from '../../../support/http.ts'
import { newIsolate } from '../../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const MODEL = { provider: 'OpenAI', model: ' GPT-4o ' }
const ESTIMATE = { ...MODEL, input_tokens: 900, output_tokens: 4_000 }
const USED = { input_tokens: 880, output_tokens: 1_250 }
const COST = '0.014700000'
const BUDGET = { name: 'budget', meter: 'cost_usd', limit: '1', period: 'day' }
const UNPRICED = { field: 'cost_usd', code: 'unpriced' }

async function begin() {
  const { key, keyId: key_id, organizationId } = await newKeyHolder({ limits: [BUDGET] })
  const isolate = await newIsolate()
  await isolate.verify(key) // now Redis knows the budget
  const { sql } = isolate.deps()

  return {
    key_id,
    isolate,
    organizationId,
    redis: isolate.deps().redis.of(organizationId),
    async reserve(estimate: object) {
      const reserved = await isolate.reserve({ key_id, ...estimate })
      return 'reservation_id' in reserved ? reserved.reservation_id : ''
    },
    /** The event as it is stored, how many are unpriced, and what is left of the budget. */
    async look() {
      const [event] = await sql.query(
        `select provider, model, cost_usd::text as cost from usage_events where organization_id = $1 and id like 'hold_%'`,
        [organizationId],
      )
      const [sums] = await sql.query(
        'select sum(unpriced)::int as unpriced from usage_periods where organization_id = $1',
        [organizationId],
      )
      const { limits = {} } = await isolate.verify(key, { cost: 0 })
      return { event, unpriced: sums?.unpriced, left: limits['budget']?.remaining }
    },
  }
}

const priced = { event: { provider: 'openai', model: 'gpt-4o', cost: COST }, unpriced: 0, left: '0.985300' }
const unpriced = { event: { provider: '', model: 'unknown', cost: null }, unpriced: 1, left: '1.000000' }

test('tokens without a model cost what they cost with the model of the reservation', async () => {
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve(ESTIMATE)
  const settle = () => isolate.settle({ reservation_id, ...USED })
  expect(await settle()).toEqual({ outcome: 'settled', released: true })
  expect(await look()).toEqual(priced)
  expect(await settle()).toMatchObject({ outcome: 'duplicate' })
  expect(await look()).toEqual(priced)
})

test('the examples of the API settle what they reserve at its price', async () => {
  const { key_id, isolate, reserve, look } = await begin()
  const [estimate, used] = [ReserveBody, SettleBody].map((body) => body.meta()?.['example'] as object)
  const reservation_id = await reserve({ ...estimate, key_id })
  expect(await isolate.settle({ ...used, reservation_id })).toMatchObject({ outcome: 'settled' })
  expect(await look()).toEqual(priced)
})

test('the settlement may name another model, or the cost itself', async () => {
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve(ESTIMATE)
  await isolate.settle({ reservation_id, ...USED, model: 'gpt-4o-mini' })
  expect((await look()).event).toEqual({ provider: '', model: 'gpt-4o-mini', cost: '0.000882000' })
  const other = await begin()
  const named = await other.reserve(ESTIMATE)
  await other.isolate.settle({ reservation_id: named, ...USED, cost_usd: '0.5' })
  expect((await other.look()).event).toEqual({ provider: 'openai', model: 'gpt-4o', cost: '0.500000000' })
})

test('a use that is reported under the id of its reservation is priced by the model of the reservation', async () => {
  const { isolate, organizationId, reserve, look } = await begin()
  const id = await reserve(ESTIMATE)
  const report = { id, organization_id: organizationId, ...USED }
  expect(await isolate.report([report])).toMatchObject({ accepted: 1 })
  const { event, unpriced } = await look()
  expect({ event, unpriced }).toEqual({ event: priced.event, unpriced: 0 })
  expect(await isolate.settle({ reservation_id: id, ...USED })).toMatchObject({ outcome: 'duplicate' })
})

test.each(['its organization', 'a service of the operator'])(
  'the model of a reservation stays within its organization: %s reports under the id of another one',
  async (who) => {
    const [owner, other] = [await begin(), await begin()]
    const id = await owner.reserve(ESTIMATE)
    const { ingestUsage } = await other.isolate.load(() => import('../../../../src/usage/reporting/ingest.ts'))
    const events = [{ id, organization_id: other.organizationId, ...USED }]
    const caller = who === 'its organization' ? other.organizationId : null
    const answer = await ingestUsage(other.isolate.deps(), { events }, { organizationId: caller })
    expect(answer).toMatchObject({ accepted: 1 })
    expect((await other.look()).event).toEqual({ provider: '', model: '', cost: null })
  },
)

test('a settlement that is spooled is priced by the model of the reservation', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve(ESTIMATE)
  const broken = breakStores(['/sql'])
  expect(await isolate.settle({ reservation_id, ...USED })).toMatchObject({ outcome: 'spooled' })
  broken.mockRestore()
  const { drainUsageSpool } = await isolate.load(() => import('../../../../src/metering/spool.ts'))
  await drainUsageSpool(isolate.deps())
  expect(await look()).toEqual(priced)
})

test('if money was held and nothing names a model or a cost, the settlement says so and counts as unpriced', async () => {
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve({ cost_usd: '0.25' })
  expect(await isolate.settle({ reservation_id, ...USED })).toMatchObject({
    outcome: 'settled',
    released: true,
    warnings: [UNPRICED],
  })
  expect(await look()).toEqual(unpriced)
})

test('a model without a known price is named in the warning as well', async () => {
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve({ ...ESTIMATE, model: 'unheard-of', cost_usd: '0.25' })
  expect(await isolate.settle({ reservation_id, ...USED })).toMatchObject({ warnings: [UNPRICED] })
  expect(await look()).toMatchObject({ event: { model: 'unheard-of', cost: null }, unpriced: 1 })
})

test('if Redis lost the reservation of another isolate, tokens without a model count as unpriced', async () => {
  const { organizationId, redis, reserve, look } = await begin()
  const other = await newIsolate()
  const reservation_id = await reserve(ESTIMATE)
  await redis.del(...(await redis.keys(`hold*:${organizationId}:*`)))
  expect(await other.settle({ reservation_id, ...USED })).toMatchObject({
    outcome: 'settled',
    warnings: [UNPRICED],
  })
  expect(await look()).toMatchObject({ event: unpriced.event, unpriced: 1 })
})

test.each([
  ['nothing was used of a model', { cost_usd: '0.25' }, { tokens: 0 }],
  ['only tokens were held', { tokens: 600 }, USED],
  ['only calls were held', { api_calls: 1 }, { api_calls: 1 }],
  ['only a slot was held', { slots: 1 }, USED],
])('a settlement without a cost has no warning if %s', async (_, estimate, used) => {
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve(estimate)
  expect(await isolate.settle({ reservation_id, ...used })).toEqual({ outcome: 'settled', released: true })
  expect(await look()).toMatchObject({ event: { model: '' }, unpriced: 0, left: '1.000000' })
})
