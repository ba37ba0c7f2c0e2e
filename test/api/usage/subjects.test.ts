import { beforeAll, describe, expect, test } from 'vitest'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { eraseFromUsage } from '../../../src/privacy/erase-usage.ts'
import { newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { call, eventually, newKeyHolder, verify } from '../../support/http.ts'

const deps = directly()
const { sql } = deps

type Holder = Awaited<ReturnType<typeof newKeyHolder>>
type Row = Record<string, unknown>

const event = (of: Holder, at: string, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  organization_id: of.organizationId,
  occurred_at: new Date(at).toISOString(),
  ...changes,
})

const read = (of: Holder, query = '') =>
  call(`GET /api/v1/usage/subjects?from=2022-05-02&to=2022-05-04${query}`, { token: of.token })

const erase = (of: Holder, subject: string) =>
  call('POST /api/v1/usage/subjects/erase', { token: of.token, body: { subject } })

const pairs = ({ body }: { body: { data: Row[] } }) => body.data.map(({ subject, requests }) => [subject, requests])

describe('GET /api/v1/usage/subjects', () => {
  let holder: Holder
  beforeAll(async () => {
    holder = await newKeyHolder()
    await writeUsage(deps, [
      event(holder, '2022-05-01T23:59Z', { subject: 'anna', api_calls: 1 }),
      event(holder, '2022-05-02T00:00Z', { subject: 'anna', api_calls: 1, cost_usd: '0.000000001', model: 'm' }),
      event(holder, '2022-05-03T23:59Z', { subject: 'anna', api_calls: 1, status_code: 500 }),
      event(holder, '2022-05-02T12:00Z', { subject: 'ben', input_tokens: 7, model: 'm', cost_usd: '2.5' }),
      event(holder, '2022-05-02T12:00Z', { subject: '⚡/%_', input_tokens: 1, output_tokens: 1, model: 'm' }),
      event(holder, '2022-05-03T12:00Z', { queries: 4 }),
      event(holder, '2022-05-04T00:00Z', { subject: 'ben' }),
    ])
  })

  test('lists the use of each in whole UTC days, the largest first', async () => {
    const answer = await read(holder)
    expect(answer.status).toBe(200)
    expect(pairs(answer)).toEqual([
      ['anna', 2],
      ['ben', 1],
      ['⚡/%_', 1],
    ])
    expect(answer.body.data[0]).toMatchObject({ share: 0.4, errors: 1, api_calls: 2, cost_usd: '0.000000001' })
    expect(answer.body).toMatchObject({ other: null, erased: null, unnamed: { requests: 1, queries: 4 } })
  })

  test('sums up those not listed, and all parts add up to the totals', async () => {
    const { body } = await read(holder, '&order=cost_usd&limit=1')
    const summary = await call('GET /api/v1/usage/summary?from=2022-05-02&to=2022-05-04', { token: holder.token })
    expect(body.data.map(({ subject }: Row) => subject)).toEqual(['ben'])
    expect(body.other).toMatchObject({ subjects: 2, requests: 3, cost_usd: '0.000000001', unpriced: 1 })
    for (const name of ['requests', 'errors', 'api_calls', 'queries', 'tokens', 'unpriced'])
      expect(body.data[0][name] + body.other[name] + body.unnamed[name]).toBe(summary.body.totals[name])
  })

  test('can be limited to one subject', async () => {
    const answer = await read(holder, `&subject=${encodeURIComponent('⚡/%_')}`)
    expect(pairs(answer)).toEqual([['⚡/%_', 1]])
    expect(answer.body).toMatchObject({ other: null, unnamed: null })
    expect(pairs(await read(holder, '&subject=nobody'))).toEqual([])
  })

  test('repeated events count once', async () => {
    const one = event(holder, '2022-05-03T01:00Z', { subject: 'carla', queries: 1 })
    await Promise.all([writeUsage(deps, [one, one]), writeUsage(deps, [one])])
    expect(pairs(await read(holder, '&subject=carla'))).toEqual([['carla', 1]])
  })

  test.each(['limit=0', 'limit=101', 'order=name', 'subject=', `subject=${'x'.repeat(129)}`, 'from=2022-05-05'])(
    '%s is refused',
    async (query) => {
      expect((await read(holder, `&${query}`)).status).toBe(400)
    },
  )

  test('verifications and reports count for the subject that they name', async () => {
    const own = await newKeyHolder()
    await verify(own.key, { subject: 'dora' })
    await call('POST /api/v1/usage', {
      token: own.token,
      body: { events: [{ key_id: own.keyId, subject: 'dora', queries: 3 }] },
    })
    await eventually(
      () => sql.query('select requests from usage_subject_days where organization_id = $1', [own.organizationId]),
      ([row]) => Number(row?.requests) === 2,
    )
    const { body } = await call('GET /api/v1/usage/subjects', { token: own.token })
    expect(body.data).toMatchObject([{ subject: 'dora', requests: 2, api_calls: 1, queries: 3 }])
  })
})

test('a correction changes the sums of the subject, even after it was erased', async () => {
  const holder = await newKeyHolder()
  const { key } = await newServiceKey('platform:usage')
  const report = (id: string) => ({ id, key_id: holder.keyId, subject: 'anna', queries: 5 })
  await call('POST /api/v1/usage', { token: key, body: { events: [report('first'), report('second')] } })
  const correct = (event_id: string, change: object) =>
    call('POST /api/v1/usage/corrections', {
      token: key,
      body: { event_id, organization_id: holder.organizationId, reason: 'Counted twice', ...change },
    })
  const list = async () => (await call('GET /api/v1/usage/subjects', { token: holder.token })).body
  expect((await correct('first', { queries: 2 })).status).toBe(200)
  expect(await list()).toMatchObject({ data: [{ subject: 'anna', requests: 2, queries: 7 }], unnamed: null })
  await erase(holder, 'anna')
  await runJob(holder)
  expect((await correct('second', { void: true })).status).toBe(200)
  expect(await list()).toMatchObject({ data: [], erased: { requests: 1, queries: 2 }, unnamed: null })
})

describe('a correction brings nobody back who was erased', () => {
  async function begin() {
    const holder = await newKeyHolder()
    const { key } = await newServiceKey('platform:usage')
    const used = { key_id: holder.keyId, queries: 5, ip: '192.0.2.7', metadata: { email: 'anna@example.com' } }
    const named = { subject: 'anna', ...used }
    const events = [
      { id: 'first', ...named },
      { id: 'second', ...named },
      { id: 'third', ...used },
    ]
    await call('POST /api/v1/usage', { token: key, body: { events } })
    const correct = async (event_id: string, change: object) => {
      const body = { event_id, organization_id: holder.organizationId, reason: 'Mixed up', ...change }
      expect((await call('POST /api/v1/usage/corrections', { token: key, body })).status).toBe(200)
    }
    const list = async () => (await call('GET /api/v1/usage/subjects', { token: holder.token })).body
    const stored = () =>
      sql.query('select to_jsonb(e)::text as event from usage_events e where organization_id = $1 order by id', [
        holder.organizationId,
      ])
    return { ...holder, holder, correct, list, stored }
  }

  test('not while their raw events still name them, nor in the original values of the events', async () => {
    const { holder, correct, list, stored } = await begin()
    await correct('first', { subject: 'ben' })
    await correct('second', { queries: 4 })
    await erase(holder, 'anna')
    expect(await list()).toMatchObject({ data: [{ subject: 'ben', queries: 5 }], erased: { queries: 4 } })
    await correct('second', { queries: 3 })
    await correct('third', { subject: 'anna' })
    expect(await list()).toMatchObject({
      data: [{ subject: 'ben', queries: 5 }],
      erased: { queries: 8 },
      unnamed: null,
    })
    await runJob(holder)
    expect(JSON.stringify(await stored())).not.toMatch(/anna|192\.0/)
    await correct('first', { queries: 1 })
    await correct('second', { void: true })
    expect(await list()).toMatchObject({ data: [], erased: { requests: 2, queries: 6 }, unnamed: null })
    const { body } = await call('GET /api/v1/usage/events', { token: holder.token })
    expect(body.data.map((one: Row) => [one.id, one.subject, (one.correction as any)?.original.subject])).toEqual(
      expect.arrayContaining([
        ['first', null, null],
        ['second', null, null],
        ['third', null, null],
      ]),
    )
  })

  test('nor after the organization is deleted', async () => {
    const { holder, correct, stored } = await begin()
    await correct('first', { subject: 'ben' })
    await correct('first', { subject: null })
    await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, now())', [
      holder.organizationId,
    ])
    await runJob(holder)
    expect(JSON.stringify(await stored())).not.toMatch(/\\"(anna|ben)\\"/)
  })

  test('and usage that moves to another subject counts for that one', async () => {
    const { holder, correct, list } = await begin()
    await erase(holder, 'anna')
    await runJob(holder)
    await correct('first', { subject: 'ben' })
    expect(await list()).toMatchObject({ data: [{ subject: 'ben', queries: 5 }], erased: { queries: 5 } })
    await correct('first', { void: true })
    expect(await list()).toMatchObject({ data: [], erased: { queries: 5 } })
  })
})

const longAgo = Date.UTC(2000, 0, 1) // so that it comes first, and others wait

async function runJob(of: Holder): Promise<void> {
  await sql.query('update usage_erasures set deleted_at = $2 where organization_id = $1', [
    of.organizationId,
    new Date(longAgo).toISOString(),
  ])
  await eraseFromUsage(deps, longAgo + 3_600_000)
}

describe('POST /api/v1/usage/subjects/erase', () => {
  test('removes a subject from the statistics at once, and from raw events later; their usage still counts', async () => {
    const holder = await newKeyHolder()
    const metadata = { email: 'anna@example.com' }
    const used = { api_calls: 1, ip: '192.0.2.7', user_agent: 'Phone', metadata }
    await writeUsage(deps, [
      event(holder, '2022-05-02T12:00Z', { subject: 'anna', ...used }),
      event(holder, '2022-05-02T12:00Z', { subject: 'ben', ...used }),
    ])
    expect((await erase(holder, 'anna')).status).toBe(202)
    const { body } = await read(holder)
    expect(body).toMatchObject({ data: [{ subject: 'ben', requests: 1 }], erased: { requests: 1, api_calls: 1 } })

    await writeUsage(deps, [event(holder, '2022-05-02T13:00Z', { subject: 'anna', ...used })]) // was in transit
    await runJob(holder)
    expect((await read(holder)).body).toMatchObject({ data: [{ subject: 'ben' }], erased: { requests: 2 } })
    const events = await sql.query(
      'select subject, ip, user_agent, metadata from usage_events where organization_id = $1 order by subject desc',
      [holder.organizationId],
    )
    expect(events).toEqual([
      { subject: 'ben', ip: '192.0.2.7', user_agent: 'Phone', metadata },
      ...[1, 2].map(() => ({ subject: '', ip: null, user_agent: null, metadata: null })),
    ])
    expect(await sql.query('select 1 from usage_erasures where organization_id = $1', [holder.organizationId])).toEqual(
      [],
    )
  })

  test('does the same if repeated, or for an unknown subject', async () => {
    const holder = await newKeyHolder()
    await writeUsage(deps, [event(holder, '2022-05-02T12:00Z', { subject: 'anna' })])
    const answers = await Promise.all(['anna', 'anna', 'nobody'].map((subject) => erase(holder, subject)))
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
    expect((await read(holder)).body).toMatchObject({ data: [], erased: { requests: 1 } })
  })

  test('removes all names after an organization is deleted', async () => {
    const holder = await newKeyHolder()
    await writeUsage(deps, [
      event(holder, '2022-05-02T12:00Z', { subject: 'anna' }),
      event(holder, '2022-05-02T12:00Z', { subject: 'ben' }),
    ])
    await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, now())', [
      holder.organizationId,
    ])
    await runJob(holder)
    expect((await read(holder)).body).toMatchObject({ data: [], erased: { requests: 2 } })
  })

  test('needs the permission to write usage, and a subject', async () => {
    const holder = await newKeyHolder()
    expect((await erase(holder, '')).body.errors).toMatchObject([{ path: 'body.subject' }])
    const asKey = await call('POST /api/v1/usage/subjects/erase', { token: holder.key, body: { subject: 'anna' } })
    expect(asKey.status).toBe(403)
  })
})
