/**
 * Random histories of usage that is reported for one key, in batches, of which any part comes again, by two isolates: writes of
 * Postgres that are not done, or done without an answer, what waits in the spool, and losses of Redis at any moment. In the end
 * a calendar limit of the key has each event once, and so has a window that Redis never lost. Neither ever has more.
 */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { breakStatement } from '../../support/broken-stores.ts'
import { flushKey } from '../../support/flush.ts'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { keepOwnSpool } from '../../support/own-spool.ts'
import { loseAnswers } from '../../support/store-faults.ts'

keepOwnSpool()

const LIMIT = 1_000_000
const LIMITS = [
  { name: 'month', meter: 'tokens', limit: LIMIT, period: 'month' },
  { name: 'hour', meter: 'tokens', limit: LIMIT, window_seconds: 3_600 },
]
const WRITE = 'select * from record_usage'
const isolates = [await newIsolate(), await newIsolate()] as const

interface Step {
  readonly kind: 'report' | 'repeat' | 'drain' | 'flush' | 'look'
  readonly by: number
  readonly units: readonly number[]
  readonly which: number
  readonly how: 'done' | 'lost' | 'refused'
  readonly isSync: boolean
}

const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant('report' as const) },
    { weight: 4, arbitrary: fc.constant('repeat' as const) },
    { weight: 3, arbitrary: fc.constantFrom('drain' as const, 'look' as const) },
    { weight: 1, arbitrary: fc.constant('flush' as const) },
  ),
  by: fc.nat(1),
  units: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 }),
  which: fc.nat(20),
  how: fc.constantFrom('done', 'lost', 'refused'),
  isSync: fc.boolean(),
})

/** What happened in any of the histories. */
const seen = { spooled: 0, unanswered: 0, duplicates: 0, flushed: 0, kept: 0 }

async function begin() {
  const { key, keyId: key_id, organizationId } = await newKeyHolder({ limits: LIMITS })
  await setLimits(organizationId, { rate_limit_per_minute: 100_000 })
  const events: { readonly id: string; readonly key_id: string; readonly input_tokens: number }[] = []
  let isFlushed = false
  const sum = () => events.reduce((total, { input_tokens }) => total + input_tokens, 0)

  async function meeting<T>(how: Step['how'], work: () => Promise<T>): Promise<T> {
    if (how === 'done') return work()
    const broken = how === 'lost' ? loseAnswers(WRITE) : breakStatement(WRITE)
    return work().finally(() => broken.mockRestore())
  }

  async function send(sent: readonly object[], { by, how, isSync }: Pick<Step, 'by' | 'how' | 'isSync'>) {
    if (sent.length === 0) return
    const isolate = isolates[by] ?? isolates[0]
    const { ingestUsage } = await isolate.load(() => import('../../../src/usage/reporting/ingest.ts'))
    const body = { events: sent, ...(isSync && { durability: 'sync' }) }
    const answer = await meeting(how, () => ingestUsage(isolate.deps(), body, { organizationId: null })).catch(
      (error: { code?: string }) => {
        expect(error.code).toBe('unavailable')
        return undefined
      },
    )
    if (!answer) seen.unanswered++
    else if ('spooled' in answer) seen.spooled++
    else seen.duplicates += answer.duplicates
  }

  async function drain({ by, how }: Pick<Step, 'by' | 'how'>) {
    const isolate = isolates[by] ?? isolates[0]
    const { drainUsageSpool } = await isolate.load(() => import('../../../src/metering/spool.ts'))
    return meeting(how, () => drainUsageSpool(isolate.deps()))
  }

  async function look(by: number) {
    const { limits = {} } = await (isolates[by] ?? isolates[0]).verify(key, { cost: 0 })
    const [month = 0, hour = 0] = ['month', 'hour'].map((name) => LIMIT - Number(limits[name]?.remaining))
    expect(Math.max(month, hour), 'used').toBeLessThanOrEqual(sum())
    return { month, hour }
  }

  async function act(step: Step) {
    const at = step.which % Math.max(1, events.length)
    if (step.kind === 'report') {
      const made = step.units.map((input_tokens) => ({ id: crypto.randomUUID(), key_id, input_tokens }))
      events.push(...made)
      await send(made, step)
    } else if (step.kind === 'repeat') await send(events.slice(at, at + step.units.length), step)
    else if (step.kind === 'drain') await drain(step)
    else if (step.kind === 'look') await look(step.by)
    else {
      seen.flushed++
      isFlushed = true
      await flushKey(isolates[0].deps(), organizationId, key_id)
    }
  }

  async function end() {
    expect(await drain({ by: 0, how: 'done' })).toMatchObject({ left: 0 })
    await send(events, { by: 1, how: 'done', isSync: true })
    const { month, hour } = await look(0)
    expect(month, 'in the end').toBe(sum())
    if (isFlushed) return
    seen.kept++
    expect(hour, 'in the window').toBe(sum())
  }

  return { act, end }
}

test(
  'limits of a key count each use once, whichever responses are lost and whatever is repeated',
  async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const property = fc.asyncProperty(fc.array(steps, { minLength: 6, maxLength: 16 }), async (history) => {
      const { act, end } = await begin()
      for (const step of history) await act(step)
      await end()
    })
    await checkHistories(property, { runs: 20 })
    expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([])
  },
  HISTORIES_TIMEOUT_MS,
)
