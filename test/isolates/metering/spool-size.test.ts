import { afterEach, expect, test, vi } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { newUser } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { keepOwnSpool } from '../../support/own-spool.ts'

keepOwnSpool()
afterEach(() => vi.restoreAllMocks())

const EVENTS = 250
const BATCHES = 12

/** Batches of some 250 kB each, and the bytes of each answer of Redis from now on. */
async function spoolLarge(caller?: string) {
  const isolate = await newIsolate()
  const { drainUsageSpool, spoolUnattributed, trySpool } = await isolate.load(
    () => import('../../../src/metering/spool.ts'),
  )
  const { user } = await newUser()
  const organization_id = user.organization_id as string
  const newEvent = () => ({
    id: uuidv7(Date.now()),
    organization_id,
    occurred_at: new Date().toISOString(),
    api_calls: 1,
    metadata: { note: 'x'.repeat(800) },
  })
  const deps = isolate.deps()
  for (let batch = 0; batch < BATCHES; batch++) {
    const events = Array.from({ length: EVENTS }, newEvent)
    await (caller ? spoolUnattributed(deps, { events, caller: organization_id }) : trySpool(deps, events))
  }
  const answers: number[] = []
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const answer = await real(input, init)
    if (new Request(input).url.includes('/redis')) answers.push((await answer.clone().arrayBuffer()).byteLength)
    return answer
  })
  const written = async () => {
    const [row] = await deps.sql.query(
      'select coalesce(sum(api_calls), 0)::int as calls from usage_periods where organization_id = $1',
      [organization_id],
    )
    return row?.calls
  }
  return { drain: () => drainUsageSpool(isolate.deps()), answers, written }
}

test.each([
  ['with owners', undefined],
  ['whose owners are still to be found', 'caller'],
])('large batches %s are read a few at a time, each once, and all are written', async (_, caller) => {
  const { drain, answers, written } = await spoolLarge(caller)
  expect(await drain()).toMatchObject({ drained: BATCHES, left: 0 })
  expect(await written()).toBe(BATCHES * EVENTS)
  expect(Math.max(...answers)).toBeLessThan(1_000_000)
  expect(answers.filter((bytes) => bytes > 200_000).length, 'reads').toBeLessThanOrEqual(BATCHES)
})
