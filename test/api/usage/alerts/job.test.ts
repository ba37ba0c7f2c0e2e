import { describe, expect, test, vi } from 'vitest'
import { alertWorld, DAY, fullLook, MINUTE } from '../../../support/alert-world.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser, setLimits } from '../../../support/http.ts'

vi.setConfig({ testTimeout: 30_000 })

describe('a threshold', () => {
  test('is sent when it is reached, not before and not twice, even by concurrent or later runs', async () => {
    const { use, run, alerts, mails, events } = await alertWorld()
    await use({ api_calls: 799 })
    await run()
    expect(await alerts()).toEqual([])

    await use({ api_calls: 800 })
    await Promise.all([run(), run(), run()])
    await run()
    expect(await alerts()).toMatchObject([
      { meter: 'api_calls', limit: 1_000, threshold: 80, used: 800, notified_at: expect.any(String) },
    ])
    expect(await mails()).toEqual([expect.stringContaining('has used 80% of its API calls')])
    expect(await events()).toEqual([['quota.threshold_reached', 80]])

    await use({ api_calls: 950 })
    await run()
    expect(await mails()).toHaveLength(2)
    expect(await events()).toHaveLength(2)
  })

  test('is recorded if it is passed together with higher ones, and only the highest is sent', async () => {
    const { use, run, thresholds, mails, events, alerts } = await alertWorld()
    await use({ api_calls: 1_200 })
    await run()
    expect(await thresholds()).toEqual([100, 95, 80])
    expect((await alerts()).every(({ notified_at }: { notified_at: unknown }) => notified_at !== null)).toBe(true)
    expect(await mails()).toEqual([expect.stringContaining('reached its limit of API calls')])
    expect(await events()).toEqual([
      ['quota.threshold_reached', 100],
      ['quota.exhausted', 100],
    ])
  })

  test('may be passed again if the limit was raised, and never otherwise', async () => {
    const { use, run, organizationId, mails, events } = await alertWorld()
    await use({ api_calls: 960 })
    await run()
    await setLimits(organizationId, { api_calls: 1_100 })
    await use({ api_calls: 970 })
    await run()
    expect(await events()).toEqual([
      ['quota.threshold_reached', 95],
      ['quota.threshold_reached', 80],
    ])
    await setLimits(organizationId, { api_calls: 1_000 })
    await run()
    expect(await mails()).toHaveLength(2)
  })

  test('may be above the limit, for overage: 150 % is sent alone, and the limit is reached once', async () => {
    const { choose, use, run, events, mails } = await alertWorld()
    await choose([150, 200])
    await use({ api_calls: 1_499 })
    await run()
    expect(await events()).toEqual([
      ['quota.threshold_reached', 100],
      ['quota.exhausted', 100],
    ])
    await use({ api_calls: 1_500 })
    await run()
    await run()
    expect((await events()).slice(2)).toEqual([['quota.threshold_reached', 150]])
    expect((await mails()).at(-1)).toContain('150%')
  })

  test('of 100 % is also reported as reached if it is passed together with a higher one', async () => {
    const { choose, use, run, events, mails } = await alertWorld()
    await choose([1_000, 300])
    await use({ api_calls: 3_000 })
    await run()
    expect(await events()).toEqual([
      ['quota.threshold_reached', 300],
      ['quota.exhausted', 100],
    ])
    expect(await mails()).toEqual([expect.stringContaining('300%')])
  })

  test('may be passed in each period', async () => {
    const { use, run, alerts } = await alertWorld()
    await use({ api_calls: 800 })
    await run()
    const next = Date.now() + 32 * DAY
    await use({ api_calls: 800 }, -32 * DAY, next)
    await run(next)
    expect(new Set((await alerts()).map((one: { period_start: string }) => one.period_start)).size).toBe(2)
  })

  test('that late events reach is told once, with the period that has ended', async () => {
    const { use, run, alerts, events, organizationId } = await alertWorld()
    const ended = Date.now() - 32 * DAY
    await use({ api_calls: 799 }, 0, ended)
    await run()
    expect(await alerts()).toEqual([])
    await use({ api_calls: 960 }, 0, ended)
    await Promise.all([run(), run()])
    await run()
    expect(await events()).toEqual([['quota.threshold_reached', 95]])
    const [first] = await alerts()
    expect(Date.parse(first.period_start)).toBeLessThan(Date.now() - DAY)
    await use({ api_calls: 960 }, 90 * MINUTE, ended)
    await setLimits(organizationId, { api_calls: 900 }) // a later limit is none of that period
    await run(fullLook())
    expect(await events()).toHaveLength(1)
  })

  test('applies to every meter and gauge with a limit above 0', async () => {
    const limits = { tokens: 100, cost_usd: 0.5, queries: 0, storage_gb: 2 }
    const { use, run, alerts, organizationId } = await alertWorld(limits)
    await use({ input_tokens: 50, output_tokens: 30, charge_usd: 0.4, queries: 5, api_calls: 1 })
    await directly().sql.query(
      `insert into usage_gauges values ($1, 'storage_gb', 1.6, now()), ($1, 'made_up', 5, now())`,
      [organizationId],
    )
    await run()
    const told = (await alerts()).map(({ meter, used, limit }: any) => [meter, used, limit])
    expect(told.toSorted()).toEqual([
      ['cost_usd', '0.400000', '0.500000'],
      ['storage_gb', 1.6, 2],
      ['tokens', 80, 100],
    ])
  })
})

describe('notifications', () => {
  test('reach only owners and admins who can sign in', async () => {
    const { use, run, organizationId } = await alertWorld()
    const people = await Promise.all([newUser(), newUser(), newUser()])
    const { sql } = directly()
    for (const [at, role] of ['admin', 'member', 'admin'].entries())
      await sql.query('insert into memberships (organization_id, user_id, role) values ($1, $2, $3)', [
        organizationId,
        people[at]?.user.id,
        role,
      ])
    await sql.query('update users set is_active = false where id = $1', [people[2]?.user.id])
    await use({ api_calls: 800 })
    await run()
    const told = await Promise.all(
      people.map(({ email }) => sql.query('select 1 from mail_outbox where recipient = $1', [email])),
    )
    expect(told.map((rows) => rows.length)).toEqual([1, 0, 0])
  })

  test('survive a run that dies between recording and sending', async () => {
    const { use, run, mails, organizationId, alerts } = await alertWorld()
    await use({ api_calls: 960 })
    await run()
    const { sql } = directly()
    await sql.query(
      'delete from mail_outbox where subject like $1 and recipient in (select email from users u join memberships m on m.user_id = u.id where m.organization_id = $2)',
      ['%95%', organizationId],
    )
    await sql.query('update usage_alerts set notified_at = null where organization_id = $1', [organizationId])
    await Promise.all([run(), run()])
    expect(await mails()).toEqual([expect.stringContaining('95%')])
    expect((await alerts()).every(({ notified_at }: { notified_at: unknown }) => notified_at !== null)).toBe(true)
  })

  test("for usage that changed before the runs' window are sent by the hourly full scan", async () => {
    const { use, run, alerts } = await alertWorld()
    await use({ api_calls: 800 }, 70 * MINUTE)
    await run()
    expect(await alerts()).toEqual([])
    await run(fullLook())
    expect(await alerts()).toHaveLength(1)
  })
})

describe('PUT /api/v1/usage/alerts/thresholds', () => {
  test('belong to the organization, are sorted and unique, and null restores the default', async () => {
    const { choose, token } = await alertWorld()
    const read = async () => (await call('GET /api/v1/usage/alerts/thresholds', { token })).body
    expect(await read()).toEqual({ thresholds: [80, 95], is_default: true, amounts: [] })
    expect((await choose([95, 1, 50, 50, 100])).body).toMatchObject({ thresholds: [1, 50, 95, 100], is_default: false })
    expect(await read()).toEqual({ thresholds: [1, 50, 95, 100], is_default: false, amounts: [] })
    expect((await choose([])).body).toMatchObject({ thresholds: [], is_default: false })
    expect((await choose(null)).body).toMatchObject({ thresholds: [80, 95], is_default: true })
    const { body } = await call('GET /api/v1/audit-logs?action=organization.alert_thresholds_changed', { token })
    expect(body.data).toHaveLength(3)
    expect(body.data[2].detail).toEqual({ thresholds: [1, 50, 95, 100] })
  })

  test.each([
    [[0]],
    [[1_001]],
    [[50.5]],
    [['80']],
    [Array.from({ length: 11 }, (_, at) => at + 1)],
    ['80'],
    [undefined],
  ])('are not %j', async (thresholds) => {
    const { token } = await newUser()
    const { status, body } = await call('PUT /api/v1/usage/alerts/thresholds', { token, body: { thresholds } })
    expect({ status, path: body.errors?.[0].path }).toMatchObject({
      status: 400,
      path: expect.stringMatching(/^body\.thresholds/),
    })
  })

  test('decide what is sent; one added after a higher one was sent is not', async () => {
    const { choose, use, run, thresholds, events } = await alertWorld()
    await choose([90])
    await use({ api_calls: 900 })
    await run()
    expect(await thresholds()).toEqual([90])
    await choose([50, 90])
    await run()
    expect((await thresholds()).toSorted()).toEqual([50, 90])
    expect(await events()).toEqual([['quota.threshold_reached', 90]])
  })

  test('are set by owners and admins, and by keys with the scope; a member can read', async () => {
    const { organizationId } = await alertWorld()
    const member = await newUser()
    await directly().sql.query(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'member')`, [
      organizationId,
      member.user.id,
    ])
    const at = `/api/v1/usage/alerts/thresholds?organization_id=${organizationId}`
    const { token } = member
    expect((await call(`GET ${at}`, { token })).status).toBe(200)
    expect((await call(`PUT ${at}`, { token, body: { thresholds: [1] } })).body.code).toBe('forbidden')
    const stranger = await newUser()
    const asStranger = { token: stranger.token, body: { thresholds: [1] } }
    expect((await call(`PUT ${at}`, asStranger)).body.code).toBe('organization_not_found')
  })
})

test('each organization’s alerts are listed page by page, the latest first', async () => {
  const { use, run, token, thresholds } = await alertWorld()
  await use({ api_calls: 1_000 })
  await run()
  const first = await call('GET /api/v1/usage/alerts?limit=2', { token })
  const second = await call(`GET /api/v1/usage/alerts?limit=2&cursor=${first.body.next_cursor}`, { token })
  const pages = [...first.body.data, ...second.body.data].map(({ threshold }: { threshold: number }) => threshold)
  expect(pages).toEqual(await thresholds())
  expect(second.body.next_cursor).toBeNull()
  const stranger = await newUser()
  expect((await call('GET /api/v1/usage/alerts', { token: stranger.token })).body.data).toEqual([])
})
