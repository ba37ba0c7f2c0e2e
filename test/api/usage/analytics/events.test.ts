import { beforeAll, describe, expect, test } from 'vitest'
import type { UsageEvent } from '../../../../src/metering/event.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { exportUsage } from '../../../../src/usage/analytics/export.ts'
import { keyWith, platformOrganization } from '../../../isolation/world.ts'
import { directly, send } from '../../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser, setLimits } from '../../../support/http.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const deps = directly()
const now = Date.now()
const ago = (ms: number) => new Date(now - ms).toISOString()

let holder: Awaited<ReturnType<typeof newKeyHolder>>
let event: (id: string, changes?: Partial<UsageEvent>) => UsageEvent

beforeAll(async () => {
  holder = await newKeyHolder()
  event = (id, changes = {}) => ({ id, organization_id: holder.organizationId, occurred_at: ago(HOUR), ...changes })
  await writeUsage(deps, [
    event('first', {
      occurred_at: ago(3 * HOUR),
      endpoint: '/a',
      key_id: holder.keyId,
      status_code: 200,
      cost_usd: '0.100000',
    }),
    event('second', { occurred_at: ago(2 * HOUR), endpoint: '/b', status_code: 404, metadata: { a: [1] } }),
    event('third', { endpoint: '/a', key_id: holder.keyId, status_code: 200, error_code: 'timeout', model: 'm' }),
    event('days ago', { occurred_at: ago(3 * DAY), endpoint: '/a', status_code: 500, ip: '203.0.113.1' }),
    event('long ago', { occurred_at: ago(34 * DAY), endpoint: '/c' }),
  ])
})

const list = (query = '', token = holder.token) => call(`GET /api/v1/usage/events?${query}`, { token })
const ids = async (query: string) => (await list(query)).body.data.map((row: { id: string }) => row.id)

describe('GET /api/v1/usage/events', () => {
  test('lists the last 24 hours, newest first, as they were recorded', async () => {
    const { status, body } = await list()
    expect(status).toBe(200)
    expect(body.data.map((row: { id: string }) => row.id)).toEqual(['third', 'second', 'first'])
    expect(body.next_cursor).toBeNull()
    expect(body.data[2]).toMatchObject({
      key_id: holder.keyId,
      endpoint: '/a',
      cost_usd: '0.100000',
      requests: 1,
      model: '',
    })
    expect(Date.parse(body.data[2].occurred_at)).toBe(Date.parse(ago(3 * HOUR)))
    expect(body.data[1]).toMatchObject({ metadata: { a: [1] }, cost_usd: null, key_id: null })
  })

  test.each([
    [() => `key_id=${holder.keyId}`, ['third', 'first']],
    [() => 'endpoint=/a&status=200', ['third', 'first']],
    [() => 'endpoint=/a&status=404', []],
    [() => 'status=404', ['second']],
    [() => 'errors_only=true', ['third', 'second']],
    [() => `errors_only=true&key_id=${holder.keyId}`, ['third']],
    [() => 'errors_only=false', ['third', 'second', 'first']],
    [() => 'model=m', ['third']],
    [() => 'model=', ['second', 'first']],
    [() => 'model=other', []],
    [() => 'id=second', ['second']],
    [() => 'id=nothing', []],
    [() => `from=${ago(2 * HOUR)}&to=${ago(HOUR)}`, ['second']],
    [() => `from=${ago(35 * DAY - HOUR)}&endpoint=/a`, ['third', 'first', 'days ago']],
    [() => `from=${ago(35 * DAY - HOUR)}&id=long%20ago`, ['long ago']],
  ])('finds events that match all that a filter names', async (query, expected) => {
    expect(await ids(query())).toEqual(expected)
  })

  test('continues where the previous page ended, even among events of one microsecond', async () => {
    const other = await newUser()
    const organization_id = other.user.organization_id as string
    const at = new Date(now - 2 * HOUR).toISOString().slice(0, -1)
    const all = Array.from({ length: 7 }, (_, index) => ({
      id: `it's "${index}" ü,\n`,
      organization_id,
      occurred_at: `${at}${String(Math.floor(index / 2)).padStart(3, '0')}Z`,
    }))
    await writeUsage(deps, all)
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await list(`limit=2${cursor && `&cursor=${cursor}`}`, other.token)
      seen.push(...body.data.map((row: { id: string }) => row.id))
      cursor = body.next_cursor
    } while (cursor)
    expect(seen).toEqual(all.map(({ id }) => id).toReversed())
  })

  test.each([
    [() => 'cursor=nonsense', 'query.cursor'],
    [() => `cursor=${btoa('["2026-13-01T00:00:00.000000Z","x"]')}`, 'query.cursor'],
    [() => `cursor=${btoa(JSON.stringify(['2026-11-01T00:00:00.000000Z', 'x\0']))}`, 'query.cursor'],
    [() => `cursor=${btoa('["2026-11-01T00:00:00.000000Z"]')}`, 'query.cursor'],
    [() => `from=${ago(35 * DAY + 1)}&to=${ago(0)}`, 'query.from'],
    [() => `from=${ago(0)}&to=${ago(0)}`, 'query.to'],
    [() => 'limit=101', 'query.limit'],
    [() => 'status=99', 'query.status'],
    [() => 'errors_only=yes', 'query.errors_only'],
    [() => 'id=%00', 'query.id'],
  ])('refuses invalid combinations, with the field', async (query, path) => {
    const { status, body } = await list(query())
    expect([status, body.errors?.[0].path]).toEqual([400, path])
  })
})

describe('GET /api/v1/usage/export', () => {
  const file = async (query: string) => {
    const response = await send(`GET /api/v1/usage/export?${query}`, {
      headers: { Authorization: `Bearer ${holder.token}` },
    })
    const text = await response.text()
    return { response, text, lines: text.split('\r\n') }
  }

  test('is a CSV file with a name: single events, newest first', async () => {
    const { response, lines } = await file(`from=${ago(4 * DAY)}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('text/csv; charset=utf-8; header=present')
    expect(response.headers.get('Content-Disposition')).toMatch(
      /^attachment; filename="usage-events-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv"$/,
    )
    expect(lines[0]?.split(',').slice(0, 3)).toEqual(['id', 'occurred_at', 'key_id'])
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(['third', 'second', 'first', 'days ago', ''])
    expect(lines[2]).toContain(',"{""a"":[1]}"')
  })

  test.each(['events', 'daily'])(
    'shows the operator, and nobody else, the owner and the charge of each row of %s',
    async (what) => {
      const externalId = `=customer-${crypto.randomUUID()}`
      const organizationId = holder.organizationId
      await deps.sql.query('update organizations set external_id = $2 where id = $1', [organizationId, externalId])
      const query = `what=${what}&from=${ago(4 * DAY)}`
      const own = (await file(query)).lines
      expect(own[0]).not.toMatch(/external_id|charge_usd/)
      for (const token of [await keyWith(await platformOrganization(), ['platform:usage:read']), await administrator()])
        for (const named of [`organization_id=${organizationId}`, `external_id=${encodeURIComponent(externalId)}`]) {
          const { status, body } = await call(`GET /api/v1/usage/export?${query}&${named}`, { token })
          const lines: string[] = body.split('\r\n')
          const charge = lines[0]?.split(',').indexOf('charge_usd')
          const others = lines.map((line) =>
            line
              .split(',')
              .filter((_, at) => at !== charge)
              .join(','),
          )
          expect(charge).toBeGreaterThan(10)
          expect([status, others], named).toEqual([
            200,
            own.map((line, at) => line && `${line},${at === 0 ? 'external_id' : `"'${externalId}"`}`),
          ])
        }
    },
  )

  test('never passes a spreadsheet formula that a caller wrote', async () => {
    await writeUsage(deps, [
      event('=cmd()', { occurred_at: ago(10 * DAY), endpoint: '+1,2', user_agent: '@x "y"', error_message: 'a\r\nb' }),
    ])
    const { text } = await file(`from=${ago(11 * DAY)}&to=${ago(9 * DAY)}`)
    expect(text).toContain(`\r\n"'=cmd()",`)
    expect(text).toContain(`,"'+1,2",`)
    expect(text).toContain(`,"'@x ""y""",`)
    expect(text).toContain('"a\r\nb"')
  })

  test('by day has a line for each day and set of dimensions', async () => {
    const { response, lines } = await file(`what=daily&from=${ago(3 * DAY + HOUR)}&to=${ago(2 * DAY + 22 * HOUR)}`)
    expect(response.headers.get('Content-Disposition')).toContain('usage-daily-')
    expect(lines[0]).toMatch(/^day,key_id,environment,endpoint,status_code,provider,model,route,requests,errors,/)
    const line = lines.find((one) => one.startsWith(ago(3 * DAY).slice(0, 10)))
    expect(line).toBe(
      `${ago(3 * DAY).slice(0, 10)},00000000-0000-0000-0000-000000000000,,/a,500,,,,1,1,0,0,0,0,0,0.000000,0,0,0,`,
    )
  })

  test('by day sums up the hours of each day, from midnight to midnight', async () => {
    const [day, next] = [5 * DAY, 4 * DAY].map((before) => ago(before).slice(0, 10))
    const times = [`${day}T00:00:00.000Z`, `${day}T23:59:59.999Z`, `${next}T00:00:00.000Z`]
    await writeUsage(
      deps,
      times.map((occurred_at) => event(`twice ${occurred_at}`, { occurred_at, endpoint: '/twice', queries: 2 })),
    )
    const lines = (await file(`what=daily&from=${day}&to=${next}T00:00:00.001Z`)).lines.map((line) => line.split(','))
    const sums = lines.filter((line) => line[3] === '/twice').map((line) => [line[0], line[8], line[11]])
    expect(sums).toEqual([
      [day, '2', '4'],
      [next, '1', '2'],
    ])
  })

  test('has each row once, in both formats, even with more rows than a page holds', async () => {
    const { user } = await newUser()
    const organization_id = user.organization_id as string
    for (let batch = 0; batch < 9; batch++)
      await writeUsage(
        deps,
        Array.from({ length: 500 }, (_, at) => ({
          id: `${batch}-${at}`,
          organization_id,
          occurred_at: ago(HOUR),
          endpoint: `/${batch}-${at}`,
        })),
      )
    const span = { from: now - 2 * HOUR, to: now }
    for (const [what, column] of [
      ['events', 0],
      ['daily', 3],
    ] as const) {
      const lines = (await new Response(exportUsage(deps.sql, { organizationId: organization_id, what, span })).text())
        .split('\r\n')
        .slice(1, -1)
      expect(lines).toHaveLength(4_500)
      expect(new Set(lines.map((line) => line.split(',')[column])).size).toBe(4_500)
    }
  })

  test.each(['what=all', `what=events&from=2026-01-01&to=2026-03-01`, 'what=daily&from=2024-01-01&to=2026-01-01'])(
    '"%s" is refused',
    async (query) => {
      expect((await file(query)).response.status).toBe(400)
    },
  )
})

describe('GET /api/v1/usage/forecast', () => {
  const read = async (token: string) => (await call('GET /api/v1/usage/forecast', { token })).body

  test('gives no rate and no day for an organization without usage', async () => {
    const { token } = await newUser()
    const { meters, resets_at } = await read(token)
    expect(Date.parse(resets_at)).toBeGreaterThan(now)
    const unknown = { rate_per_day: null, projected: null, exhausted_at: null }
    expect(meters.api_calls).toEqual({ limit: 100_000, used: 0, outlook: 'too_little_data', ...unknown })
    expect(meters.cost_usd).toEqual({ limit: null, used: '0.000000', outlook: 'unlimited', ...unknown })
  })

  test('projects the usage of the last days to the end of the organization’s own period', async () => {
    const { token, user } = await newUser()
    const organization_id = user.organization_id as string
    // The period began two days ago, so 28 to 31 days less two are left.
    await deps.sql.query('update organizations set period_anchor = $2 where id = $1', [organization_id, ago(2 * DAY)])
    const hours = Array.from({ length: 9 * 24 }, (_, at) => ({
      id: `hour-${at}`,
      organization_id,
      occurred_at: ago(at * HOUR + 60_000),
      api_calls: 10,
      cost_usd: '0.010000',
    }))
    await writeUsage(deps, hours)
    await setLimits(organization_id, { api_calls: 4_800, cost_usd: 1_000 })
    const { meters, period, generated_at } = await read(token)
    expect(period).toBe(ago(2 * DAY).slice(0, 10))
    expect(meters.api_calls).toMatchObject({ limit: 4_800, used: 480, outlook: 'exhausts' })
    expect(Math.abs(meters.api_calls.rate_per_day - 240)).toBeLessThanOrEqual(10)
    const days = (Date.parse(meters.api_calls.exhausted_at) - Date.parse(generated_at)) / DAY
    expect(Math.abs(days - 18)).toBeLessThan(1)
    expect(meters.cost_usd).toMatchObject({
      limit: '1000.000000',
      used: '0.480000',
      outlook: 'lasts',
      exhausted_at: null,
    })
    expect(meters.cost_usd.projected).toMatch(/^[67]\.\d{6}$/)
    expect(meters.queries).toMatchObject({ outlook: 'idle', rate_per_day: 0 })
  })
})

test('single events and files are refused to a key without the scope, and to viewers', async () => {
  const { key, token, user } = await newKeyHolder()
  await deps.sql.query(`update memberships set role = 'viewer' where user_id = $1`, [user.id])
  for (const credential of [key, token]) {
    const paths = ['events', 'export', 'export?what=daily', 'summary']
    const answers = await Promise.all(paths.map((path) => call(`GET /api/v1/usage/${path}`, { token: credential })))
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 200])
  }
})
