import { afterEach, describe, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { drainUsageSpool } from '../../../src/metering/spool.ts'
import { directly } from '../../support/direct.ts'
import { eventually, newKeyHolder } from '../../support/http.ts'

afterEach(() => vi.restoreAllMocks())

const sumOf = async (organizationId: string): Promise<number> => {
  const [row] = await directly().sql.query(
    'select coalesce(sum(queries), 0)::int as queries from usage_periods where organization_id = $1',
    [organizationId],
  )
  return row?.queries
}

const eventOf = (organization_id: string, more: object = {}) => ({
  id: crypto.randomUUID(),
  organization_id,
  occurred_at: new Date().toISOString(),
  queries: 1,
  ...more,
})

/** Puts values before a good one, and drains until that is counted, by whichever drain. */
async function drainBehind(values: readonly string[], organizationId: string, queries: number) {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  await directly().redis.shared.rpush('usage:spool', ...values, JSON.stringify([eventOf(organizationId)]))
  return eventually(
    async () => {
      await drainUsageSpool(directly())
      return sumOf(organizationId)
    },
    (sum) => sum >= queries,
  )
}

/** The values that were set aside and contain a text; removed. */
async function takeAside(mark: string): Promise<string[]> {
  const {
    redis: { shared: redis },
  } = directly()
  const values = await redis.smembers<unknown[]>('usage:aside')
  const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
  const found = texts.filter((text) => text.includes(mark))
  await Promise.all(found.map((text) => redis.srem('usage:aside', text)))
  return found
}

describe('in the spool', () => {
  test.each([
    ['no JSON', (mark: string) => `{"${mark}`],
    ['a string', (mark: string) => JSON.stringify(mark)],
    ['another object', (mark: string) => JSON.stringify({ [mark]: 1 })],
    ['a batch without a caller', (mark: string) => JSON.stringify({ events: [{ id: mark }] })],
    ['a batch whose id is no UUID', (mark: string) => JSON.stringify({ id: '-'.repeat(36), events: [{ id: mark }] })],
  ])('%s is set aside, and the batches behind it are written', async (_, poison) => {
    const mark = crypto.randomUUID()
    expect(await drainBehind([poison(mark)], uuidv7(Date.now()), 1)).toBe(1)
    expect(await takeAside(mark)).toEqual([poison(mark).startsWith('"') ? mark : poison(mark)])
    expect(await directly().redis.shared.lrem('usage:spool', 0, poison(mark))).toBe(0)
  })

  test('a batch with both events and garbage has its events written', async () => {
    const [mark, organizationId] = [crypto.randomUUID(), uuidv7(Date.now())]
    const batch = [7, eventOf(organizationId), null, { mark }, eventOf(organizationId)]
    expect(await drainBehind([JSON.stringify(batch)], organizationId, 3)).toBe(3)
    expect(await takeAside(mark)).toEqual([JSON.stringify([7, null, { mark }])])
  })

  test('an event that Postgres refuses permanently takes no other with it', async () => {
    const [mark, organizationId] = [crypto.randomUUID(), uuidv7(Date.now())]
    const batch = [eventOf(organizationId), eventOf(organizationId, { id: mark, queries: 'many' })]
    expect(await drainBehind([JSON.stringify(batch)], organizationId, 2)).toBe(2)
    expect(await takeAside(mark)).toMatchObject([expect.stringContaining('many')])
  })

  test('an event whose key cannot be looked up takes no other with it', async () => {
    const mark = crypto.randomUUID()
    const { keyId, organizationId } = await newKeyHolder()
    const of = (id: string, key_id: string) => ({ id, key_id, occurred_at: new Date().toISOString(), queries: 1 })
    const events = [of(mark, 'no-uuid'), of(crypto.randomUUID(), keyId), of(crypto.randomUUID(), keyId)]
    expect(await drainBehind([JSON.stringify({ events, caller: null })], organizationId, 3)).toBe(3)
    expect(await takeAside(mark)).toHaveLength(1)
  })

  test.each([
    ['half a token', { model: 'gpt-4o', input_tokens: 12.5 }],
    ['a provider that is no text', { provider: 7, model: 'gpt-4o', input_tokens: 12 }],
    ['a model that is no text', { model: { name: 'gpt-4o' }, input_tokens: 12 }],
  ])('an event with %s is set aside, and takes no other with it', async (_, odd) => {
    const [mark, organizationId] = [crypto.randomUUID(), uuidv7(Date.now())]
    const events = [eventOf(organizationId), eventOf(organizationId, { ...odd, id: mark }), eventOf(organizationId)]
    expect(await drainBehind([JSON.stringify(events)], organizationId, 3)).toBe(3)
    expect(await takeAside(mark)).toHaveLength(1)
  })

  test('an event without an owner whose price cannot be computed takes no other with it', async () => {
    const mark = crypto.randomUUID()
    const { keyId, organizationId } = await newKeyHolder()
    const of = (id: string, more: object = {}) => ({
      id,
      key_id: keyId,
      occurred_at: new Date().toISOString(),
      queries: 1,
      ...more,
    })
    const events = [of(crypto.randomUUID()), of(mark, { model: 'gpt-4o', input_tokens: 12.5 }), of(crypto.randomUUID())]
    expect(await drainBehind([JSON.stringify({ events, caller: null })], organizationId, 3)).toBe(3)
    expect(await takeAside(mark)).toHaveLength(1)
  })
})
