import { afterEach, expect, test, vi } from 'vitest'
import { checkUsageAlerts } from '../../../../src/usage/alerts/job.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'

const { sql } = directly()
const MINUTE = 60_000
/** Not the minute of the full scan. */
const soon = () =>
  Math.floor(Date.now() / (60 * MINUTE)) * 60 * MINUTE + Math.max(1, new Date().getUTCMinutes()) * MINUTE

const odd: string[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const id of odd.splice(0))
    await sql.query(
      `update organizations set limit_overrides = '{}', alert_thresholds = null, alert_amounts = '[]' where id = $1`,
      [id],
    )
})

/** An organization that has used 900 of its limits. */
async function newSpender(limits: object, thresholds: unknown = null, amounts: unknown = []) {
  const { token, user } = await newUser()
  const id = user.organization_id as string
  odd.push(id)
  await sql.query(
    'update organizations set limit_overrides = $2, alert_thresholds = $3, alert_amounts = $4 where id = $1',
    [id, JSON.stringify(limits), thresholds === null ? null : JSON.stringify(thresholds), JSON.stringify(amounts)],
  )
  await sql.query(
    `insert into usage_periods (organization_id, period_start, api_calls, updated_at) values ($1, usage_period_start(null, now()), 900, now())`,
    [id],
  )
  const listThresholds = async () =>
    (await call('GET /api/v1/usage/alerts', { token })).body.data.map((one: { threshold: number }) => one.threshold)
  return { id, listThresholds }
}

test.each([
  ['a limit that is no number', { api_calls: 'many' }, null, []],
  ['thresholds that are no list', { api_calls: 1_000 }, { at: 50 }, []],
  ['a threshold that is no number', { api_calls: 1_000 }, ['half', 90], []],
  ['amounts that are no list', { api_calls: 1_000 }, null, 5],
  ['an amount that is no number', { api_calls: 1_000 }, null, [{ meter: 'api_calls', kind: 'usage', amount: '5' }]],
  ['an amount of nothing', { api_calls: 1_000 }, null, [null]],
])('%s is logged and does not stop the alerts of other organizations', async (_, limits, thresholds, amounts) => {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const [one, other] = [await newSpender(limits, thresholds, amounts), await newSpender({ api_calls: 1_000 })]
  await checkUsageAlerts(directly(), soon())
  expect(await other.listThresholds()).toEqual([80])
  const entries = spy.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
  expect(entries.filter(({ organization_id }) => organization_id === one.id)).toContainEqual({
    level: 'error',
    event: 'usage_limit_unreadable',
    organization_id: one.id,
    meter: 'api_calls',
  })
})
