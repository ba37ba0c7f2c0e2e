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

async function keepMany() {
  const isolate = await newIsolate()
  const { keepUse, sendLateUse } = await isolate.load(() => import('../../../src/limits/outage/late-use.ts'))
  const [deps, id] = [isolate.deps(), crypto.randomUUID()]
  const redis = { isDown: true, calls: 0 }
  for (let use = 0; use < MANY; use++) {
    const send = async () => {
      redis.calls++
      await Promise.resolve()
      if (redis.isDown) throw new TypeError('connection lost')
    }
    keepUse({ organizationIds: [id], counters: [], at: deps.now(), send })
  }
  const sendAtOnce = (requests: number) =>
    Promise.allSettled(Array.from({ length: requests }, () => sendLateUse(deps, id)))
  return { redis, sendAtOnce }
}

test('while Redis fails, requests at the same time send one call together, and none of them goes on to Redis', async () => {
  const { redis, sendAtOnce } = await keepMany()
  for (let times = 1; times <= 3; times++) {
    const ended = await sendAtOnce(50)
    expect(ended.every(({ status }) => status === 'rejected')).toBe(true)
    expect(redis.calls).toBe(times)
  }
})

test('once Redis is back, requests at the same time send each usage once, and all of them wait for it', async () => {
  const { redis, sendAtOnce } = await keepMany()
  await sendAtOnce(1)
  Object.assign(redis, { isDown: false, calls: 0 })
  const ended = await sendAtOnce(50)
  expect(ended.every(({ status }) => status === 'fulfilled')).toBe(true)
  expect(redis.calls).toBe(MANY)
})
