import { afterEach, expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { eraseFromUsage } from '../../../src/privacy/erase-usage.ts'
import { newIsolate } from '../../support/isolate.ts'

const isolate = await newIsolate()
const { sql } = isolate.deps()
const deletedAt = Date.UTC(2000, 0, 1) // so that no other test's run takes these, and these runs no other test's
const queued: string[] = []

afterEach(() => sql.query('delete from usage_erasures where organization_id = any($1)', [queued]))

/** A deleted organization with events, deleted after those before. */
async function deleted(events: number) {
  const id = uuidv7(Date.now())
  queued.push(id)
  await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, $2)', [
    id,
    new Date(deletedAt + queued.length).toISOString(),
  ])
  await sql.query(
    `insert into usage_events (organization_id, id, occurred_at, ip) select $1::uuid, n::text, now(), '192.0.2.7' from generate_series(1, $2::int) n`,
    [id, events],
  )
  return id
}

/** A run whose clock leaves time for some batches. */
function run(batches: number) {
  const real = isolate.deps()
  let at = 0
  return eraseFromUsage({ ...real, now: () => at++ * Math.ceil(15_000 / (batches + 1)) }, deletedAt + 3_700_000)
}

const left = async (id: string) =>
  (
    await sql.query('select count(*)::int as events from usage_events where organization_id = $1 and ip is not null', [
      id,
    ])
  )[0]?.events

test('a large erasure does not hold up the one after it: each gets a batch in turn', async () => {
  const [large, small] = [await deleted(15_001), await deleted(1)]
  expect(await run(2)).toEqual({ organizations: 1, events: 5_001, left: 1 })
  expect([await left(large), await left(small)]).toEqual([10_001, 0])
})

test('the next run begins with the erasure that waited longest', async () => {
  const [first, second] = [await deleted(10_001), await deleted(10_001)]
  for (const rows of [
    [5_001, 10_001],
    [5_001, 5_001],
    [1, 5_001],
  ]) {
    await run(1)
    expect([await left(first), await left(second)]).toEqual(rows)
  }
})
