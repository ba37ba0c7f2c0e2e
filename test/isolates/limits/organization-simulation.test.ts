/**
 * Random histories of an organization with two keys, one of which has its own limits: verifications, reservations,
 * their settlements and cancellations, and reports with and without a key or a subject. Some are sent several times at
 * once, and Redis loses everything now and then. A model counts each limit, and every verdict is compared with all of
 * them.
 */
import fc from 'fast-check'
import { expect, inject, test } from 'vitest'
import { flushKey, flushOrganization } from '../../support/flush.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { call, newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

const token = inject('credentials').service_key
const CALLS = { name: 'calls', meter: 'api_calls', period: 'month' }
const TOKENS = { name: 'tokens', meter: 'tokens', period: 'month' }
const OF_KEY = [
  { ...CALLS, limit: 12 },
  { ...TOKENS, limit: 500 },
]
const OF_ORGANIZATION = [
  { ...CALLS, limit: 20 },
  { ...TOKENS, limit: 900 },
  { ...TOKENS, name: 'each', limit: 300, per: 'subject' },
]

type Meter = 'api_calls' | 'tokens'

/** Who makes a request: this decides in which limits it counts. */
interface Asker {
  readonly key: 'own' | 'other' | 'none'
  readonly subject: string | undefined
}

interface Counter {
  readonly name: string
  readonly meter: Meter
  readonly limit: number
  counts(asker: Asker): boolean
  used: number
  /** By reservation. */
  readonly held: Map<string, number>
}

const newCounter = (name: string, meter: string, limit: number, counts: Counter['counts']): Counter => ({
  name,
  meter: meter as Meter,
  limit,
  counts,
  used: 0,
  held: new Map(),
})

const holdOf = ({ held }: Counter) => [...held.values()].reduce((sum, units) => sum + units, 0)
const remainingOf = (counter: Counter) => Math.max(0, counter.limit - counter.used - holdOf(counter))
/** Even a request that takes nothing from a meter needs one remaining unit. */
const lacks = (counter: Counter, units: number) => counter.used + holdOf(counter) + Math.max(1, units) > counter.limit

const SUBJECTS = ['ada', 'bob', undefined] as const

function newCounters(): Counter[] {
  const every = () => true
  return [
    ...OF_KEY.map(({ name, meter, limit }) => newCounter(name, meter, limit, ({ key }) => key === 'own')),
    ...OF_ORGANIZATION.flatMap(({ name, meter, limit, ...more }) => {
      const full = `organization:${name}`
      if (!('per' in more)) return newCounter(full, meter, limit, every)
      return SUBJECTS.map((one) => newCounter(full, meter, limit, ({ subject }) => subject === one))
    }),
  ]
}

const between = (min: number, max: number) => fc.integer({ min, max })
const subject = fc.constantFrom(...SUBJECTS)
const times = between(1, 3)
const steps = fc.oneof(
  fc.record({
    kind: fc.constant('verify' as const),
    key: fc.constantFrom('own' as const, 'other' as const),
    subject,
    cost: between(0, 2),
  }),
  fc.record({
    kind: fc.constant('reserve' as const),
    key: fc.constantFrom('own' as const, 'other' as const, 'none' as const),
    subject,
    tokens: between(1, 250),
  }),
  fc.record({ kind: fc.constant('settle' as const), which: fc.nat(9), part: fc.constantFrom(0.5, 1, 1.3), times }),
  fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(9), times }),
  fc.record({
    kind: fc.constant('report' as const),
    key: fc.constantFrom('own' as const, 'other' as const, 'none' as const),
    subject,
    tokens: between(1, 60),
    times,
  }),
  fc.record({ kind: fc.constant('flush' as const) }),
)
type Step = typeof steps extends fc.Arbitrary<infer One> ? One : never
type Of<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>

/** How often each outcome occurred, in all histories together. */
const seen = { valid: 0, refused: 0, held: 0, notHeld: 0, settled: 0, late: 0, canceled: 0, reported: 0, flushed: 0 }

const isolates = [await newIsolate(), await newIsolate()]
let turn = 0
/** The isolates in turn. */
const isolate = () => isolates[turn++ % 2] as (typeof isolates)[0]

async function begin() {
  const holder = await newKeyHolder({ limits: OF_KEY })
  const { body: second } = await call('POST /api/v1/auth/api-keys', { token: holder.token, body: { name: 'Other' } })
  const set = await setLimits(holder.organizationId, {
    rate_limit_per_minute: 100_000,
    organization_limits: OF_ORGANIZATION,
  })
  expect(set.status).toBe(200)
  const keys = { own: holder.key, other: second.key as string }
  const ids = { own: holder.keyId, other: second.id as string, none: undefined }
  const counters = newCounters()
  const open: { readonly id: string; readonly tokens: number; readonly of: readonly Counter[]; isLost: boolean }[] = []
  const whose = ({ key, subject: one }: Asker) => ({
    ...(ids[key] === undefined ? { organization_id: holder.organizationId } : { key_id: ids[key] }),
    ...(one !== undefined && { subject: one }),
  })
  const pick = (which: number) => open.splice(which % Math.max(1, open.length), 1)[0]
  const settleAll = () => Promise.all(isolates.map((one) => one.settled()))

  const acts = {
    async verify({ key, subject: one, cost }: Of<'verify'>) {
      const of = counters.filter(({ counts }) => counts({ key, subject: one }))
      const lacking = of.filter((counter) => lacks(counter, counter.meter === 'api_calls' ? cost : 0))
      const verdict = await isolate().verify(keys[key], { cost, ...(one !== undefined && { subject: one }) })
      if (lacking.length > 0) {
        seen.refused++
        const refusedBy = expect.toBeOneOf(lacking.map(({ name }) => name))
        expect(verdict).toMatchObject({ valid: false, code: 'RATE_LIMITED', refused_by: refusedBy })
        return
      }
      seen.valid++
      expect(verdict).toMatchObject({ valid: true })
      for (const counter of of) if (counter.meter === 'api_calls') counter.used += cost
      for (const counter of of)
        expect(verdict.limits?.[counter.name], counter.name).toMatchObject({ remaining: remainingOf(counter) })
    },
    async reserve({ key, subject: one, tokens }: Of<'reserve'>) {
      const of = counters.filter(({ meter, counts }) => meter === 'tokens' && counts({ key, subject: one }))
      const lacking = of.filter((counter) => lacks(counter, tokens))
      const answer = (await isolate().reserve({ ...whose({ key, subject: one }), tokens })) as Record<string, unknown>
      expect(answer.granted, JSON.stringify(answer)).toBe(lacking.length === 0)
      seen[lacking.length === 0 ? 'held' : 'notHeld']++
      if (lacking.length > 0) {
        expect(lacking.map(({ name }) => name)).toContain(answer.refused_by)
        return
      }
      const id = String(answer.reservation_id)
      for (const { held } of of) held.set(id, tokens)
      open.push({ id, tokens, of, isLost: false })
    },
    async settle({ which, part, times: repeats }: Of<'settle'>) {
      const one = pick(which)
      if (!one) return
      const input_tokens = Math.ceil(one.tokens * part)
      const send = () => isolate().settle({ reservation_id: one.id, input_tokens })
      await Promise.all(Array.from({ length: repeats }, send))
      seen[one.isLost ? 'late' : 'settled']++
      for (const counter of one.of) {
        counter.held.delete(one.id)
        counter.used += input_tokens
      }
    },
    async cancel({ which, times: repeats }: Of<'cancel'>) {
      const one = pick(which)
      if (!one) return
      const send = () => isolate().settle({ reservation_id: one.id, cancel: true })
      await Promise.all(Array.from({ length: repeats }, send))
      seen.canceled++
      for (const { held } of one.of) held.delete(one.id)
    },
    async report({ key, subject: one, tokens, times: repeats }: Of<'report'>) {
      const event = { id: crypto.randomUUID(), ...whose({ key, subject: one }), input_tokens: tokens }
      const send = () => call('POST /api/v1/usage', { token, body: { events: [event] } })
      for (const { status } of await Promise.all(Array.from({ length: repeats }, send))) expect(status).toBe(200)
      seen.reported++
      for (const counter of counters)
        if (counter.meter === 'tokens' && counter.counts({ key, subject: one })) counter.used += tokens
    },
    async flush() {
      await settleAll()
      const deps = isolate().deps()
      await flushOrganization(deps, holder.organizationId)
      for (const id of [ids.own, ids.other]) await flushKey(deps, holder.organizationId, id)
      seen.flushed++
      for (const { held } of counters) held.clear()
      for (const one of open) one.isLost = true
    },
  }

  return {
    act: (step: Step) => (acts[step.kind] as (of: Step) => Promise<void>)(step),
    /** Compares the quotas that the customer reads with the model. */
    async check() {
      await settleAll()
      const { body } = await call('GET /api/v1/quotas', { token: holder.token })
      const shared = counters.filter(({ name }) => /^organization:(calls|tokens)$/.test(name))
      expect(body.organization_limits.slice(0, 2)).toMatchObject(
        shared.map((one) => ({ used: one.used, held: holdOf(one), remaining: remainingOf(one) })),
      )
    },
  }
}

test(
  'every verdict follows from all limits of the key, of the organization and of the subject, in any history',
  async () => {
    const property = fc.asyncProperty(fc.array(steps, { minLength: 15, maxLength: 35 }), async (history) => {
      const { act, check } = await begin()
      for (const step of history) await act(step)
      await check()
    })
    await checkHistories(property, { runs: 12 })
  },
  HISTORIES_TIMEOUT_MS,
)

test('the histories covered every event', () => {
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([])
})
