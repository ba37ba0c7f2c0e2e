/** Random histories of reports and corrections. */
import fc from 'fast-check'
import { expect, inject, test } from 'vitest'
import { correct, newCustomer, report, sumsOf } from '../../support/corrected-usage.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { call } from '../../support/http.ts'

const token = inject('credentials').service_key
const { sql } = directly()

const LIMIT = 10_000_000
/** Longer than events are late, so that all of them are included. */
const WIDE_LIMITS = [
  { name: 'all', meter: 'tokens', limit: LIMIT, window_seconds: 2_678_400 },
  { name: 'each', meter: 'tokens', limit: LIMIT, window_seconds: 2_678_400, per: 'subject' },
  { name: 'images', meter: 'images', limit: LIMIT, window_seconds: 2_678_400, per: 'subject' },
]
const NO_KEY = '00000000-0000-0000-0000-000000000000'

/** Requests, tokens and images by key, environment and subject. */
const BY_EVENT = [
  `select coalesce(key_id::text, '') as who, environment, sum(requests)::int as requests, sum(input_tokens + output_tokens)::int as tokens,
     sum((quantities ->> 'images')::int)::int as images from counted group by 1, 2`,
  `select 'subject ' || subject as who, '' as environment, sum(requests)::int as requests, sum(input_tokens + output_tokens)::int as tokens,
     sum((quantities ->> 'images')::int)::int as images from counted where subject is not null group by 1`,
]
const ROLLED_UP = [
  `select nullif(key_id, '${NO_KEY}')::text as who, environment, sum(requests)::int as requests, sum(input_tokens + output_tokens)::int as tokens,
     (select sum(amount)::int from usage_meter_hourly m where m.organization_id = $1 and m.key_id = h.key_id and m.environment = h.environment) as images
     from usage_hourly h where organization_id = $1 group by h.key_id, 2`,
  `select 'subject ' || subject as who, '' as environment, sum(requests)::int as requests, sum(input_tokens + output_tokens)::int as tokens,
     (select sum(amount)::int from usage_meter_subject_days m where m.organization_id = $1 and m.subject = d.subject) as images
     from usage_subject_days d where organization_id = $1 group by d.subject`,
]

async function usedOf(organizationId: string, statements: readonly string[]) {
  const counted = `with counted as (select * from usage_events where organization_id = $1 and not coalesce((correction ->> 'void')::boolean, false))`
  const parts = await Promise.all(statements.map((one) => sql.query(`${counted} ${one}`, [organizationId])))
  return parts
    .flat()
    .map(({ who, environment, ...used }) =>
      [who ?? '', environment, used.requests, used.tokens, used.images ?? 0].join(' '),
    )
    .filter((line) => !line.endsWith(' 0 0 0'))
    .toSorted()
}

interface Change {
  readonly key?: 0 | 1 | null
  readonly subject?: string | null
  readonly input_tokens?: number
  readonly model?: string
  readonly cost_usd?: string
  readonly void?: boolean
}

const SUBJECTS = ['ada', 'ben', null]

async function usedOfLimits(keys: readonly { readonly key: string }[]) {
  const asked = keys.flatMap(({ key }) => SUBJECTS.map((subject) => ({ key, ...(subject && { subject }), cost: 0 })))
  const verdicts = await Promise.all(asked.map((body) => call('POST /api/v1/keys/verify', { token, body })))
  return verdicts.map(({ body: { limits } }) =>
    Object.fromEntries(Object.entries(limits).map(([name, limit]: any) => [name, LIMIT - limit.remaining])),
  )
}

async function expectedOfLimits(organizationId: string, keys: readonly { readonly id: string }[]) {
  const events = await sql.query(
    `select key_id, subject, (input_tokens + output_tokens)::int as tokens, coalesce((quantities ->> 'images')::int, 0) as images
     from usage_events where organization_id = $1`,
    [organizationId],
  )
  const sum = (of: readonly any[], name: string) => of.reduce((total, event) => total + event[name], 0)
  return keys.flatMap(({ id }) => {
    const all = events.filter(({ key_id }) => key_id === id)
    return SUBJECTS.map((subject) => {
      const own = all.filter((event) => event.subject === subject)
      return { all: sum(all, 'tokens'), each: sum(own, 'tokens'), images: sum(own, 'images') }
    })
  })
}

test(
  'after any events and corrections every sum is the sum of the events, to the nano-dollar',
  async () => {
    await defineMeters()
    const tokens = fc.integer({ min: 0, max: 100_000 })
    const event = fc.record({
      model: fc.constantFrom('gpt-4o', 'text-embedding-3-small', 'unheard-of', ''),
      input_tokens: tokens,
      output_tokens: tokens,
      api_calls: fc.integer({ min: 0, max: 3 }),
      status_code: fc.constantFrom(200, 500),
      hoursAgo: fc.integer({ min: 0, max: 60 }),
      response_time_ms: fc.constantFrom(undefined, 7, 300),
      subject: fc.constantFrom(undefined, 'ada', 'ben'),
      images: fc.integer({ min: 0, max: 5 }),
    })
    const whose = fc.record(
      { key: fc.constantFrom(0, 1, null), subject: fc.constantFrom('ada', 'ben', null), input_tokens: tokens },
      { requiredKeys: [] },
    )
    const change: fc.Arbitrary<Change> = fc.oneof(
      fc.constant({ void: true }),
      whose.filter((one) => Object.keys(one).length > 0),
      fc.record({ input_tokens: tokens }),
      fc.record({ model: fc.constantFrom('gpt-4o', 'unheard-of') }),
      fc.record({ cost_usd: fc.constantFrom('0.0000000005', '0.123456789', '0') }),
    )
    const history = fc.record({
      markup: fc.constantFrom(0, 12.5, 33.3333),
      events: fc.array(event, { minLength: 1, maxLength: 6 }),
      changes: fc.array(fc.tuple(fc.nat(5), change), { maxLength: 6 }),
    })
    await checkHistories(
      fc.asyncProperty(history, async ({ markup, events, changes }) => {
        const { keyId, key, organization_id, meters, token: owner } = await newCustomer(markup, WIDE_LIMITS)
        const second = { name: 'Second', environment: 'test', limits: WIDE_LIMITS }
        const keys = [
          { id: keyId, key },
          (await call('POST /api/v1/auth/api-keys', { token: owner, body: second })).body,
        ]
        await report(
          events.map(({ hoursAgo, images, ...one }, at) => ({
            ...one,
            id: `e${at}`,
            key_id: keyId,
            quantities: { images },
            timestamp: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
          })),
        )
        for (const [at, [index, { key: named, ...fields }]] of changes.entries()) {
          const key_id = named === undefined ? {} : { key_id: named === null ? null : keys[named]?.id }
          const body = {
            event_id: `e${index % events.length}`,
            organization_id,
            reason: `r${at}`,
            ...key_id,
            ...fields,
          }
          await Promise.all([correct(body), correct(body)])
        }
        const { events: all, inEnvironments, ...sums } = await sumsOf(organization_id)
        for (const [name, sum] of Object.entries(sums)) {
          const expected = name === 'environments' || name === 'days' ? inEnvironments : all
          const shared = Object.fromEntries(
            Object.entries(expected as object).filter(([figure]) => figure in (sum as object)),
          )
          expect(sum, name).toMatchObject(shared)
        }
        const [period] = await sql.query(
          `select charge_usd::text as charge from usage_periods where organization_id = $1 and period_start = usage_period_start(null, now())`,
          [organization_id],
        )
        const used = (await meters()).cost_usd.used as string
        expect(Number(used)).toBe(Number(period?.charge ?? 0))
        expect(await usedOf(organization_id, ROLLED_UP)).toEqual(await usedOf(organization_id, BY_EVENT))
        expect(await usedOfLimits(keys)).toEqual(await expectedOfLimits(organization_id, keys))
      }),
      { runs: 10 },
    )
  },
  HISTORIES_TIMEOUT_MS,
)
