import { afterEach, expect, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { quotaKey } from '../../../src/limits/limit-request.ts'
import { reconcileQuotas } from '../../../src/metering/reconcile-counters.ts'
import { directly } from '../../support/direct.ts'
import { newKeyHolder, verify } from '../../support/http.ts'
import { readQuota } from '../../support/quota.ts'

afterEach(() => vi.restoreAllMocks())

/** A time at which rows of few other tests are checked. */
const LATER_MS = 7 * 3_600_000

test('a counter that fails is logged with its organization and does not stop the others', async () => {
  const {
    redis: { shared: redis },
    sql,
  } = directly()
  const { key, organizationId } = await newKeyHolder()
  const odd = uuidv7(Date.now())
  const month = toMonth(Date.now()).name
  await verify(key)
  const written = () => sql.query('select 1 from usage_periods where organization_id = $1', [organizationId])
  await expect.poll(written).toHaveLength(1) // a later write would mark the period as changed now
  await redis.sadd(quotaKey(odd, month), 'no text')
  await sql.query(
    `insert into usage_periods (organization_id, period_start, queries, updated_at)
     select id, usage_period_start(null, now()), 7, now() + interval '7 hours' from unnest($1::uuid[]) as id
     on conflict (organization_id, period_start) do update set queries = 7, updated_at = excluded.updated_at`,
    [[odd, organizationId]],
  )
  const spy = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  await reconcileQuotas(directly(), Date.now() + LATER_MS)
  await redis.del(quotaKey(odd, month))
  expect((await readQuota(redis, quotaKey(organizationId, month))).queries).toBe(7)
  const entries = spy.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
  expect(entries).toContainEqual(
    expect.objectContaining({ event: 'quota_not_reconciled', organization_id: odd, message: expect.anything() }),
  )
})
