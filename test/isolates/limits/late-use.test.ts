import { expect, test } from 'vitest'
import { newIsolate } from '../../support/isolate.ts'

const MANY = 2_500

test.each([
  ['one organization', 1],
  ['many organizations', MANY],
])('usage of %s that Redis has not counted is sent once each, however much there is', async (_, organizations) => {
  const isolate = await newIsolate()
  const { keepUse, sendLateUse } = await isolate.load(() => import('../../../src/limits/outage/late-use.ts'))
  const deps = isolate.deps()
  const ids = Array.from({ length: organizations }, () => crypto.randomUUID())
  const sent: number[] = []
  for (let use = 0; use < MANY; use++) {
    const organizationIds = [ids[use % organizations] as string]
    keepUse({ organizationIds, counters: [], at: deps.now(), send: async () => sent.push(use) })
  }
  for (const id of ids) await sendLateUse(deps, id)
  for (const id of ids) await sendLateUse(deps, id)
  expect(sent.toSorted((a, b) => a - b)).toEqual(Array.from({ length: MANY }, (_none, use) => use))
})
