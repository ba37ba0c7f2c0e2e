/** Corrections that move an event to another key or subject: everything it counts in moves as well. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'

beforeAll(defineMeters)

const token = inject('credentials').service_key

const LIMITS = [
  { name: 'budget', meter: 'cost_usd', limit: '10.00', period: 'month' },
  { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 86_400 },
  { name: 'audio', meter: 'audio_seconds', limit: 60, period: 'month' },
  { name: 'each', meter: 'output_tokens', limit: 500, period: 'day', per: 'subject' },
  { name: 'images', meter: 'images', limit: 10, window_seconds: 3_600, per: 'subject' },
  { name: 'hour', meter: 'queries', limit: 100, period: 'hour', per: 'subject' },
]
const EVENT = {
  id: 'moved',
  subject: 'ada',
  input_tokens: 300,
  output_tokens: 400,
  queries: 20,
  cost_usd: '4',
  quantities: { audio_seconds: 2.5, images: 7 },
}
const UNUSED = { budget: '10.000000', tokens: 1_000, audio: 60, each: 500, images: 10, hour: 100 }
const USED = { budget: '6.000000', tokens: 300, audio: 57.5, each: 100, images: 3, hour: 80 }

interface Key {
  readonly id: string
  readonly key: string
}

async function begin() {
  const holder = await newKeyHolder({ limits: LIMITS })
  const organization_id = holder.organizationId
  const first: Key = { id: holder.keyId, key: holder.key }
  const addKey = async (more: object = {}): Promise<Key> =>
    (
      await call('POST /api/v1/auth/api-keys', {
        token: holder.token,
        body: { name: 'Second', limits: LIMITS, ...more },
      })
    ).body
  const report = (event: object = EVENT) =>
    call('POST /api/v1/usage?durability=sync', { token, body: { events: [{ key_id: first.id, ...event }] } })
  const left = async ({ key }: Key, subject: string | null = 'ada') => {
    const { body } = await call('POST /api/v1/keys/verify', {
      token,
      body: { key, cost: 0, ...(subject && { subject }) },
    })
    return Object.fromEntries(Object.entries(body.limits).map(([name, limit]: any) => [name, limit.remaining]))
  }
  /** So that Redis has their counters: one that begins later starts with what Postgres has of the subject with any key. */
  const open = (...keys: readonly Key[]) =>
    Promise.all(keys.flatMap((key) => ['ada', 'ben', null].map((subject) => left(key, subject))))
  const ask = (fields: object, event_id = 'moved') =>
    call('POST /api/v1/usage/corrections', {
      token,
      body: { event_id, organization_id, reason: 'Mixed up', ...fields },
    })
  const correct = async (fields: object) => {
    const { status, body } = await ask(fields)
    expect({ status, code: body.code }).toEqual({ status: 200, code: undefined })
    return body
  }
  const read = async (path: string) => (await call(`GET /api/v1/usage/${path}`, { token: holder.token })).body
  return { ...holder, organization_id, first, addKey, report, left, open, ask, correct, read }
}

describe('an event that is found to be of another key', () => {
  test('leaves the limits of the old key and counts in those of the new one, once', async () => {
    const { first, addKey, report, left, correct, open } = await begin()
    const second = await addKey()
    await open(first, second)
    await report()
    expect([await left(first), await left(second)]).toEqual([USED, UNUSED])
    const answers = await Promise.all(Array.from({ length: 5 }, () => correct({ key_id: second.id })))
    expect(answers.filter(({ outcome }) => outcome === 'corrected')).toHaveLength(1)
    expect(answers[0].event).toMatchObject({ key_id: second.id, correction: { original: { key_id: first.id } } })
    await correct({ key_id: second.id })
    expect([await left(first), await left(second)]).toEqual([UNUSED, USED])
  })

  test('can be moved back and forth, changed on the way, voided and restored', async () => {
    const { first, addKey, report, left, correct, open } = await begin()
    const second = await addKey()
    await open(first, second)
    await report()
    const both = async () => [(await left(first)).tokens, (await left(second)).tokens]
    await correct({ key_id: second.id, output_tokens: 100 })
    expect(await both()).toEqual([1_000, 600])
    await correct({ key_id: second.id })
    expect(await both()).toEqual([1_000, 300])
    await correct({ void: true })
    expect(await both()).toEqual([1_000, 1_000])
    await correct({ key_id: second.id, reason: 'After all' })
    expect(await both()).toEqual([1_000, 300])
    await correct({ key_id: first.id })
    expect([await left(first), await left(second)]).toEqual([USED, UNUSED])
    await correct({ output_tokens: 100 }) // absent fields stay as reported
    expect(await both()).toEqual([600, 1_000])
    await correct({ key_id: null })
    expect(await both()).toEqual([1_000, 1_000])
  })

  test('is in the statistics, the list and the export of that key, with its environment and its user', async () => {
    const { first, addKey, report, correct, read, token: owner } = await begin()
    const second = await addKey({ environment: 'test' })
    await report()
    await correct({ key_id: second.id })
    const used = { requests: 1, tokens: 700, queries: 20, quantities: { audio_seconds: 2.5, images: 7 } }
    expect(await read('breakdown?by=key')).toMatchObject({ data: [{ value: second.id, ...used }], other: null })
    expect(await read('breakdown?by=environment')).toMatchObject({ data: [{ value: 'test', ...used }] })
    expect((await read(`events?key_id=${first.id}`)).data).toEqual([])
    const [event] = (await read(`events?key_id=${second.id}`)).data
    expect(event).toMatchObject({
      key_id: second.id,
      environment: 'test',
      correction: { original: { key_id: first.id } },
    })
    expect(event.user_id).toMatch(/^[0-9a-f-]{36}$/)
    const { body: csv } = await call('GET /api/v1/usage/export', { token: owner })
    expect(csv).toContain(second.id)
    expect(csv).not.toContain(first.id)
    expect((await read('summary')).totals).toMatchObject(used)
    const { body } = await call(`GET /api/v1/auth/api-keys/${second.id}`, { token: owner })
    expect(body).toMatchObject({ total_requests: 1, last_used_at: expect.any(String) })
  })

  test('changes neither quotas nor charges', async () => {
    const { addKey, report, correct, token: owner } = await begin()
    const second = await addKey()
    await report()
    const meters = async () => (await call('GET /api/v1/quotas', { token: owner })).body.meters
    const before = await meters()
    const { event } = await correct({ key_id: second.id, subject: 'ben' })
    expect(event).toMatchObject({ cost_usd: '4.000000', charge_usd: '4.000000' })
    expect(await meters()).toEqual(before)
  })

  test("may move to a revoked key, but not to another organization's or an unknown one", async () => {
    const { addKey, report, ask, read, token: owner } = await begin()
    const [second, other] = [await addKey(), await begin()]
    await report()
    await call(`DELETE /api/v1/auth/api-keys/${second.id}`, { token: owner })
    for (const key_id of [other.first.id, crypto.randomUUID()])
      expect(await ask({ key_id })).toMatchObject({ status: 404, body: { code: 'key_not_found' } })
    expect((await ask({ key_id: second.id })).body.outcome).toBe('corrected')
    expect((await read('breakdown?by=key')).data).toMatchObject([{ value: second.id, requests: 1 }])
  })

  test('changes no limit between rotations of the same key', async () => {
    const { first, report, left, correct, token: owner, open } = await begin()
    await open(first)
    await report()
    const { body: next } = await call(`POST /api/v1/auth/api-keys/${first.id}/rotate`, {
      token: owner,
      body: { grace_period_seconds: 3_600 },
    })
    await correct({ key_id: next.id })
    expect([await left(first), await left(next)]).toEqual([USED, USED])
    await correct({ void: true })
    expect([await left(first), await left(next)]).toEqual([UNUSED, UNUSED])
  })

  test("that settled a reservation counts in the new key's calendar periods, and stays in the old key's windows", async () => {
    const { first, addKey, left, ask, open } = await begin()
    const second = await addKey()
    await open(first, second)
    const { body: held } = await call('POST /api/v1/usage/reserve', {
      token,
      body: { key_id: first.id, tokens: 100, subject: 'ada' },
    })
    const { reservation_id } = held
    const used = { output_tokens: 80, quantities: { images: 2, audio_seconds: 5 } }
    await call('POST /api/v1/usage/settle', { token, body: { reservation_id, ...used } })
    await ask({ key_id: second.id }, reservation_id)
    expect(await left(first)).toEqual({ ...UNUSED, images: 8 })
    expect(await left(second)).toEqual({ ...UNUSED, tokens: 920, audio: 55, each: 420 })
  })

  test('of last month moves in its own hours, and in no limit of this month', async () => {
    const { first, addKey, report, left, correct, read, open } = await begin()
    const second = await addKey()
    await open(first, second)
    const then = Date.now() - 32 * 86_400_000
    await report({ ...EVENT, timestamp: new Date(then).toISOString() })
    const before = [await left(first), await left(second)]
    await correct({ key_id: second.id, subject: 'ben' })
    expect([await left(first), await left(second)]).toEqual(before)
    const day = (at: number) => new Date(at).toISOString().slice(0, 10)
    const its = `from=${day(then)}&to=${day(then + 86_400_000)}`
    expect(await read(`breakdown?by=key&${its}`)).toMatchObject({
      data: [{ value: second.id, requests: 1, tokens: 700 }],
      other: null,
    })
    expect((await read(`subjects?${its}`)).data).toMatchObject([{ subject: 'ben', requests: 1 }])
  })
})

describe('an event that is found to be of another subject', () => {
  const subjects = async (read: (path: string) => Promise<any>) => {
    const { data, unnamed } = await read('subjects')
    const all = [...data, ...(unnamed ? [{ subject: null, ...unnamed }] : [])]
    return all.flatMap(({ subject, tokens, quantities }) => (tokens > 0 ? [[subject, tokens, quantities.images]] : []))
  }

  test('leaves the sums and limits of the old subject and counts in those of the new one', async () => {
    const { first, report, left, correct, read, open } = await begin()
    await open(first)
    await report()
    await correct({ subject: 'ben' })
    await correct({ subject: 'ben' })
    expect(await left(first, 'ada')).toEqual({ ...USED, each: 500, images: 10, hour: 100 })
    expect(await left(first, 'ben')).toEqual(USED)
    expect(await subjects(read)).toEqual([['ben', 700, 7]])
    expect((await read('events?subject=ada&id=moved')).data).toEqual([])
    expect((await read('events?subject=ben&id=moved')).data).toMatchObject([
      { subject: 'ben', correction: { original: { subject: 'ada' } } },
    ])
  })

  test('can move to no subject, to another, and back to the first', async () => {
    const { first, report, left, correct, read, open } = await begin()
    await open(first)
    await report()
    await correct({ subject: null })
    expect(await subjects(read)).toEqual([[null, 700, 7]])
    expect([(await left(first)).each, (await left(first, null)).each]).toEqual([500, 100])
    await correct({ subject: 'ben' })
    await correct({ subject: 'ada' })
    expect(await subjects(read)).toEqual([['ada', 700, 7]])
    expect([await left(first), (await left(first, 'ben')).each, (await left(first, null)).each]).toEqual([
      USED,
      500,
      500,
    ])
    await correct({ void: true })
    expect(await subjects(read)).toEqual([])
    await correct({ subject: 'ben', output_tokens: 100 })
    expect([(await left(first)).each, (await left(first, 'ben')).each]).toEqual([500, 400])
    expect(await subjects(read)).toEqual([['ben', 400, 7]])
  })

  test('is audited without the old or new subject', async () => {
    const { organization_id, report, correct } = await begin()
    await report()
    await correct({ subject: 'ben' })
    const { body } = await call('GET /api/v1/admin/audit-logs?target_id=moved', { token: await administrator() })
    const rows = body.data.filter((row: any) => row.organization_id === organization_id)
    expect(rows).toMatchObject([{ detail: { reason: 'Mixed up', subject: 'replaced' } }])
    expect(JSON.stringify(rows)).not.toMatch(/"(ada|ben)"/)
  })
})

test.each(['timestamp', 'occurred_at'])(
  '%s is refused by name, with what to do instead, and nothing changes',
  async (name) => {
    const { report, ask, read } = await begin()
    await report()
    const { status, body } = await ask({ [name]: new Date().toISOString(), queries: 1 })
    expect(status).toBe(400)
    expect(body.errors).toEqual([
      {
        path: `body.${name}`,
        message: 'cannot be corrected: void the event, and report it again under another id with the right time',
      },
    ])
    expect((await read('events?id=moved')).data).toMatchObject([{ queries: 20, correction: null }])
  },
)
