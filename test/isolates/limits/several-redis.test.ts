/** A deployment with two Redis databases, each of which has all data of a share of the organizations. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { organizationVersionKey } from '../../../src/limits/limit-request.ts'
import { publishVersion } from '../../../src/limits/versions.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { eventually, newKeyHolder, setLimits } from '../../support/http.ts'
import { type Isolate, newIsolate, TWO_DATABASES } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const LIMITS = [
  { name: 'calls', meter: 'api_calls', limit: 100, period: 'day' },
  { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 3_600 },
]

/** How to recognize requests to each of the two. */
const DOORS = ['/redis/', '/redis-2/'] as const

const [one, other] = [await newIsolate(TWO_DATABASES), await newIsolate(TWO_DATABASES)]

const placeOf = (organizationId: string) => {
  const { redis } = one.deps()
  return redis.all.indexOf(redis.of(organizationId))
}

type Holder = Awaited<ReturnType<typeof newKeyHolder>>

/** A key of an organization whose database is the one at that place. */
async function holderAt(place: number): Promise<Holder> {
  for (;;) {
    const holder = await newKeyHolder({ limits: LIMITS })
    if (placeOf(holder.organizationId) === place) return holder
  }
}

async function bothHolders(): Promise<[Holder, Holder]> {
  const holders: [Holder, Holder] = [await holderAt(0), await holderAt(1)]
  for (const { organizationId } of holders)
    await setLimits(organizationId, { rate_limit_per_minute: 1_000, api_calls: 50 })
  return holders
}

/** What each database has of an organization and its key. Versions of rows are in both. */
async function keysOf({ organizationId, keyId }: Holder): Promise<string[][]> {
  const { redis } = one.deps()
  return Promise.all(
    redis.all.map(async (database) => {
      const found = await Promise.all([organizationId, keyId].map((id) => database.keys(`*${id}*`)))
      return found.flat().filter((key) => !key.startsWith('version:'))
    }),
  )
}

async function useEverything(isolate: Isolate, { key, keyId: key_id, organizationId: organization_id }: Holder) {
  await isolate.verify(key, { cost: 3, idempotency_key: crypto.randomUUID() })
  const { reservation_id } = (await isolate.reserve({ key_id, tokens: 30 })) as { reservation_id: string }
  await isolate.settle({ reservation_id, key_id, input_tokens: 20 })
  await isolate.reserve({ organization_id, tokens: 10, idempotency_key: crypto.randomUUID() })
  await isolate.report([{ id: crypto.randomUUID(), key_id, input_tokens: 5 }])
  await isolate.settled()
}

test('all keys of an organization are in one of them, and none in the other', async () => {
  for (const [place, holder] of (await bothHolders()).entries()) {
    await useEverything(one, holder)
    const found = await keysOf(holder)
    expect(found[1 - place]).toEqual([])
    expect(new Set(found[place]?.map((key) => key.split(':')[0]))).toEqual(
      new Set(['rate', 'limit', 'limits', 'used', 'hold', 'holds', 'reserved', 'once', 'counted']),
    )
  }
})

test('several isolates admit exactly what a quota allows, in each of them', async () => {
  for (const { key } of await bothHolders()) {
    const calls = [one, other].flatMap((isolate) => Array.from({ length: 40 }, () => isolate.verify(key)))
    expect((await Promise.all(calls)).filter(({ valid }) => valid)).toHaveLength(50)
  }
})

test('use of several organizations that is reported together counts in the limits of each', async () => {
  const holders = await bothHolders()
  await one.report(
    holders.map(({ keyId: key_id }, at) => ({ id: crypto.randomUUID(), key_id, input_tokens: 100 + at })),
  )
  await one.settled()
  for (const [at, { key }] of holders.entries())
    expect(await other.verify(key, { cost: 0 })).toMatchObject({ limits: { tokens: { remaining: 900 - at } } })
})

describe('a row change', () => {
  const suspend = async ({ organizationId }: Holder) => {
    const deps = one.deps()
    const [row] = await deps.sql.query(
      'update organizations set suspended_at = now(), version = version + 1 where id = $1 returning version',
      [organizationId],
    )
    await publishVersion(deps, organizationVersionKey(organizationId), row?.version)
    return row?.version as number
  }

  test('is published to all of them: a verdict may rest on rows of another organization', async () => {
    for (const holder of await bothHolders()) {
      expect(await other.verify(holder.key)).toMatchObject({ code: 'VALID' })
      const version = await suspend(holder)
      expect(await other.verify(holder.key)).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
      const name = organizationVersionKey(holder.organizationId)
      expect(await Promise.all(one.deps().redis.all.map((database) => database.get(name)))).toEqual([version, version])
    }
  })

  test.each([0, 1])('is published where Redis responds, and to database %i once it does', async (place) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const holders = await bothHolders()
    for (const { key } of holders) expect(await other.verify(key)).toMatchObject({ code: 'VALID' })
    const broken = breakStores([DOORS[place] as string])
    for (const holder of holders) await suspend(holder)
    expect(await other.verify(holders[1 - place]?.key ?? '')).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
    broken.mockRestore()
    const late = () => other.verify(holders[place]?.key ?? '')
    expect(await eventually(late, ({ code }) => code !== 'VALID')).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
  })
})

test('a change reaches a database that was down, however many others wait for it', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const [, holder] = await bothHolders()
  expect(await other.verify(holder.key)).toMatchObject({ code: 'VALID' })
  const isolate = await newIsolate(TWO_DATABASES)
  const { publishVersions } = await isolate.load(() => import('../../../src/limits/versions.ts'))
  const others = Array.from({ length: 1_500 }, (_, at) => ({ name: `version:test:${at}`, version: 1 }))
  const broken = breakStores([DOORS[1]])
  await publishVersions(isolate.deps(), others)
  broken.mockRestore()
  const [row] = await isolate
    .deps()
    .sql.query('update organizations set suspended_at = now(), version = version + 1 where id = $1 returning version', [
      holder.organizationId,
    ])
  await publishVersions(isolate.deps(), [
    { name: organizationVersionKey(holder.organizationId), version: row?.version as number },
  ])
  expect(await other.verify(holder.key)).toMatchObject({ code: 'ORGANIZATION_SUSPENDED' })
  expect(await isolate.deps().redis.all[1]?.exists('version:test:0', 'version:test:1499')).toBe(2)
})

test('a lost response is requested again, even while another database is down', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const [kept, cut] = await bothHolders()
  const isolate = await newIsolate({ ...TWO_DATABASES, ON_LIMITER_OUTAGE: 'closed' })
  for (const { key } of [kept, cut]) await isolate.verify(key)
  const real = globalThis.fetch
  let lost = 0
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    if (url.includes(DOORS[1])) throw new TypeError('connection lost')
    if (url.includes(DOORS[0]) && lost++ === 0) throw new TypeError('connection reset')
    return real(input, init)
  })
  await expect(isolate.verify(cut.key)).rejects.toMatchObject({ code: 'unavailable' })
  expect(await isolate.verify(kept.key)).toMatchObject({ valid: true })
  expect(lost).toBe(2)
})

test.each([0, 1])('while database %i does not answer, only its organizations are decided locally', async (place) => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const holders = await bothHolders()
  const [cut, reached] = place === 0 ? holders : holders.toReversed()
  for (const { key } of holders) await one.verify(key)
  const broken = breakStores([DOORS[place] as string])
  for (let at = 0; at < 5; at++)
    for (const { key } of holders) expect(await one.verify(key)).toMatchObject({ valid: true })
  const left = (holder: Holder | undefined) => other.verify(holder?.key ?? '', { cost: 0 })
  expect(await left(reached)).toMatchObject({ limits: { calls: { remaining: 100 - 6 } } })
  broken.mockRestore()
  expect(await left(cut)).toMatchObject({ limits: { calls: { remaining: 100 - 1 } } })
  await one.verify(cut?.key ?? '', { cost: 0 }) // adds what was admitted locally
  expect(await left(cut)).toMatchObject({ limits: { calls: { remaining: 100 - 6 } } })
})

test('an organization that moves to a new database starts there with what Postgres has', async () => {
  const [, holder] = await bothHolders()
  const before = await newIsolate()
  for (let at = 0; at < 8; at++) await before.verify(holder.key, { cost: 5 })
  await before.settled()
  const written = async () => {
    const sql = 'select coalesce(sum(api_calls), 0)::int as calls from usage_periods where organization_id = $1'
    return (await before.deps().sql.query(sql, [holder.organizationId]))[0]?.calls
  }
  await eventually(written, (calls) => calls === 40)
  const after = await newIsolate(TWO_DATABASES)
  const verdicts = []
  for (let at = 0; at < 12; at++) verdicts.push(await after.verify(holder.key))
  expect(verdicts.filter(({ valid }) => valid)).toHaveLength(10)
})
