import { beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { DIMENSION_NAMES } from '../../../src/metering/dimensions.ts'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'
import { fold, newCustomer, newPlan, putOn } from '../../support/platform-usage.ts'

const deps = directly()
const token = await administrator()
const plan = await newPlan()
const [one, other] = [await newCustomer(plan, 'One'), await newCustomer(plan, 'Other')]
const keys = [uuidv7(1), uuidv7(2)] as const

const event = (organization_id: string, at: string, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  organization_id,
  occurred_at: new Date(at).toISOString(),
  ...changes,
})

const ask = (path: string) => call(`GET /api/v1/admin/usage/${path}`, { token })
const own = (customer: typeof one, path: string) => call(`GET /api/v1/usage/${path}`, { token: customer.token })

type Group = { value: string | null; requests: number; errors: number; tokens: number; cost_usd: string }
const figures = ({ value, requests, errors, tokens, cost_usd }: Group) => [
  value,
  requests,
  errors,
  tokens,
  Number(cost_usd),
]
const byValue = (groups: Group[]) => groups.map(figures).toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))

/** Groups of two organizations as one list. */
function merge(groups: Group[]): Group[] {
  const merged = Map.groupBy(groups, ({ value }) => value)
  const sum = (some: Group[], name: 'requests' | 'errors' | 'tokens' | 'cost_usd') =>
    some.reduce((total, group) => total + Number(group[name]), 0)
  return [...merged].map(([value, some]) => ({
    value,
    requests: sum(some, 'requests'),
    errors: sum(some, 'errors'),
    tokens: sum(some, 'tokens'),
    cost_usd: String(sum(some, 'cost_usd')),
  }))
}

/** Hours, days, a whole month, days and hours, and an event on either side of the span. */
const SPAN = 'from=2001-03-30T21:00:00Z&to=2001-05-02T03:00:00Z'
const MOMENTS = [
  ['2001-03-30T20:59Z', '/outside'],
  ['2001-03-30T21:00Z', '/a'],
  ['2001-03-31T12:00Z', '/a'],
  ['2001-04-01T00:00Z', '/b'],
  ['2001-04-15T12:30Z', ''],
  ['2001-04-30T23:59Z', '/a'],
  ['2001-05-01T10:00Z', '/c'],
  ['2001-05-02T02:59Z', '/b'],
  ['2001-05-02T03:00Z', '/outside'],
] as const

const model = { provider: 'openai', model: 'm', input_tokens: 7, cost_usd: '0.250000' }

beforeAll(async () => {
  const events = MOMENTS.flatMap(([at, endpoint], place) => [
    event(one.id, at, { endpoint, status_code: 200, environment: 'live', key_id: keys[0] }),
    event(other.id, at, { endpoint, ...(place % 2 ? model : { status_code: 500 }), key_id: keys[1], requests: 3 }),
  ])
  await writeUsage(deps, events)
  await fold(...MOMENTS.map(([at]) => `${at.slice(0, 13)}:00Z`))
})

describe('usage of a plan', () => {
  test.each(DIMENSION_NAMES.filter((name) => name !== 'key'))(
    'by %s is the sum of the usage of its organizations',
    async (by) => {
      const query = `breakdown?by=${by}&${SPAN}`
      const { status, body } = await ask(`${query}&plan=${plan}`)
      expect(status).toBe(200)
      const theirs = await Promise.all([own(one, query), own(other, query)])
      expect(theirs.every(({ body: { data } }) => data.length > 0)).toBe(true)
      expect(byValue(body.data)).toEqual(byValue(merge(theirs.flatMap((answer) => answer.body.data))))
    },
  )

  test('in total and over time is the sum of its organizations, with and without a filter', async () => {
    const { body } = await ask(`summary?${SPAN}&plan=${plan}`)
    expect(body.totals).toMatchObject({ requests: 28, tokens: 28, cost_usd: '1.000000' })
    expect(body.previous.totals.requests).toBe(4)
    for (const query of [
      `timeseries?interval=day&tz=Europe/Berlin&${SPAN}`,
      `timeseries?interval=month&endpoint=/a&${SPAN}`,
      `timeseries?interval=hour&from=2001-04-30&to=2001-05-02&endpoint=/a&environment=live`,
      `timeseries?interval=hour&from=2001-04-30&to=2001-05-02&environment=`,
    ]) {
      const [all, ...theirs] = await Promise.all([ask(`${query}&plan=${plan}`), own(one, query), own(other, query)])
      const requests = (answer: typeof all) => answer.body.data.map((bucket: Group) => bucket.requests) as number[]
      const [first = [], second = []] = theirs.map(requests)
      expect(requests(all), query).toEqual(first.map((count, at) => count + (second[at] ?? 0)))
      expect(requests(all).some((count) => count > 0)).toBe(true)
    }
  })

  test('is listed by organization with its name, the largest first, the rest as one', async () => {
    const { body } = await ask(`breakdown?by=organization&limit=1&${SPAN}&plan=${plan}`)
    expect(body.data).toMatchObject([{ value: other.id, name: 'Other', share: 0.75, requests: 21 }])
    expect(body.other).toMatchObject({ groups: 1, requests: 7 })
  })

  test('is the entry of the plan in the list of all plans', async () => {
    const { body } = await ask(`breakdown?by=plan&limit=100&${SPAN}`)
    expect(body.data).toContainEqual(expect.objectContaining({ value: plan, name: 'Plan of a test', requests: 28 }))
  })

  test('of this hour is visible immediately, and stays when its hour is rolled up', async () => {
    const [live, customer] = [await newPlan(), one]
    const mine = await newCustomer(live, 'Live')
    await writeUsage(deps, [event(mine.id, new Date().toISOString(), { endpoint: '/live' })])
    for (const by of ['endpoint', 'organization', 'plan', 'status']) {
      const { body } = await ask(`breakdown?by=${by}&plan=${live}`)
      expect(body.data, by).toMatchObject([{ requests: 1 }])
    }
    expect((await ask(`summary?plan=${live}`)).body.totals.requests).toBe(1)
    expect(customer.id).not.toBe(mine.id)
  })
})

test('late usage is counted once after its hour, day and month are rolled up again', async () => {
  const [late, at] = [await newPlan(), '2001-07-10T12:30:00Z']
  const mine = await newCustomer(late, 'Late')
  const requests = async () => {
    const span = 'from=2001-07-01&to=2001-08-01'
    const answers = await Promise.all([
      ask(`summary?${span}&plan=${late}`),
      ask(`breakdown?by=endpoint&${span}&plan=${late}`),
      ask(`breakdown?by=organization&from=2001-07-02&to=2001-07-12&plan=${late}`),
    ])
    return answers.map(({ body }) => body.totals?.requests ?? body.data.map((group: Group) => group.requests))
  }
  for (const count of [1, 2]) {
    await writeUsage(deps, [event(mine.id, at, { endpoint: '/late' })])
    await fold('2001-07-10T12:00Z')
    expect(await requests()).toEqual([count, [count], [count]])
  }
})

test('late usage counts for the plan that the organization had when its first usage arrived', async () => {
  const [first, second] = [await newPlan(), await newPlan()]
  const mine = await newCustomer(first, 'New')
  for (const used of [first, second]) {
    await putOn(used, mine.id)
    await writeUsage(deps, [event(mine.id, '2001-12-10T12:30Z')])
    await fold('2001-12-10T12:00Z')
  }
  const { body } = await ask(`timeseries?interval=month&from=2001-12-01&to=2002-01-01&plan=${first}`)
  expect(body.data).toMatchObject([{ requests: 2 }])
})

test('for one organization the responses are what it sees itself', async () => {
  for (const query of [`summary?${SPAN}`, `timeseries?${SPAN}`, `breakdown?by=key&${SPAN}`]) {
    const [theirs, ours] = await Promise.all([own(one, query), ask(`${query}&organization_id=${one.id}`)])
    expect(ours).toMatchObject({ status: 200, body: theirs.body })
  }
})

test('a filter by key implies its organization', async () => {
  const holder = await newKeyHolder()
  await writeUsage(deps, [event(holder.organizationId, '2001-04-02T12:00Z', { key_id: holder.keyId })])
  const { body } = await ask(`timeseries?interval=month&key_id=${holder.keyId}&from=2001-04-01&to=2001-05-01`)
  expect(body.data).toMatchObject([{ requests: 1 }])
  const nothing = await ask(`timeseries?interval=month&key_id=${uuidv7(3)}&from=2001-04-01&to=2001-05-01`)
  expect(nothing.body.data).toMatchObject([{ requests: 0 }])
})

test('all keys are listed for up to two days, which needs no roll-up', async () => {
  const { body } = await ask(`breakdown?by=key&from=2001-04-30&to=2001-05-02T00:00:00Z&plan=${plan}`)
  expect(body.data.map(({ value, requests }: Group) => [value, requests])).toEqual([
    [keys[1], 6],
    [keys[0], 2],
  ])
  expect(await ask('breakdown?by=key&from=2001-04-01&to=2001-05-02')).toMatchObject({
    status: 400,
    body: {
      errors: [{ path: 'query.from', message: expect.stringMatching(/49 hours.*organization_id or external_id/) }],
    },
  })
})

test('the keys of one organization are listed as far back as that organization sees them', async () => {
  const externalId = `customer-${crypto.randomUUID()}`
  await deps.sql.query('update organizations set external_id = $2 where id = $1', [one.id, externalId])
  const span = 'from=2000-06-01&to=2001-06-01'
  const theirs = (await own(one, `breakdown?by=key&${span}`)).body
  expect(theirs.data).toMatchObject([{ value: keys[0], requests: MOMENTS.length }])
  for (const named of [`organization_id=${one.id}`, `external_id=${externalId}`])
    expect((await ask(`breakdown?by=key&${span}&${named}`)).body, named).toMatchObject(theirs)
})

test.each([
  [`summary?plan=free&organization_id=${one.id}`, 'query.plan'],
  [`timeseries?plan=free&key_id=${keys[0]}`, 'query.plan'],
  [`breakdown?by=organization&organization_id=${one.id}`, 'query.by'],
  [`breakdown?by=plan&organization_id=${one.id}`, 'query.by'],
  ['breakdown?by=user', 'query.by'],
  ['summary?from=2001-01-01', 'query.from'],
])('%s is refused by name', async (query, path) => {
  expect(await ask(query)).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ path }] } })
})

test('the responses match the document', async () => {
  const { document, operations } = await openApi()
  for (const [path, query] of [
    ['summary', SPAN],
    ['timeseries', SPAN],
    ['breakdown', `by=organization&${SPAN}`],
  ]) {
    const answer = await ask(`${path}?${query}`)
    const declared = operations.find(({ line }) => line === `GET /api/v1/admin/usage/${path}`)
    const schema = declared?.responses[answer.status]?.content?.['application/json']?.schema
    expect(schema).toBeDefined()
    expect(departures(answer.body, schema ?? {}, document), path).toEqual([])
  }
})
