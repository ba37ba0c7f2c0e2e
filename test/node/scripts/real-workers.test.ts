import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type World } from '../../../bench/bench-world.ts'
import { startWorkerd, type Workerd } from '../../../bench/worker.ts'
import { builtWorker } from '../built-worker.ts'

/** Enough for leases, which end with the last two hundred units, and few enough to be used up soon. */
const LIMIT = 2_000
/** Concurrent verifications of each Worker. */
const AT_ONCE = 6
/** The largest share of the rest that a lease has. */
const LEASE_SHARE = 0.05
const WITHIN_MS = 60_000

let world: World
let workers: Workerd[]

beforeAll(async () => {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env
  const [opened, bundle] = await Promise.all([openWorld({ databaseUrl, redisUrl }), builtWorker()])
  world = opened
  workers = await Promise.all([1, 2, 3].map(() => startWorkerd({ tollgate: { bundle, variables: world.variables } })))
}, WITHIN_MS)

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()))
  await world.close()
})

/** Calls one of the Workers over HTTP, like a service. @returns the verdict's code; undefined if it is gone */
async function verify(worker: Workerd, key: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${worker.url}/api/v1/keys/verify`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${world.serviceKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ key }),
    })
    return ((await response.json()) as { code: string }).code
  } catch {
    return undefined
  }
}

/** Counts the verdicts of several Workers about one key, each called on several connections at once. */
function asking(key: string) {
  const codes = new Map<string | undefined, number>()
  const count = (code: string | undefined) => codes.get(code) ?? 0

  async function ask(worker: Workerd): Promise<string | undefined> {
    const code = await verify(worker, key)
    codes.set(code, count(code) + 1)
    return code
  }

  /** Calls all of them until `isOver`, which gets each one's newest code. */
  async function askUntil(some: readonly Workerd[], isOver: (code: string | undefined) => boolean): Promise<void> {
    const loops = some.flatMap((worker) => Array.from({ length: AT_ONCE }, () => worker))
    await Promise.all(
      loops.map(async (worker) => {
        while (!isOver(await ask(worker)));
      }),
    )
  }

  return { count, ask, askUntil }
}

/** Units of ended leases return; a caller that continues gets them. */
async function askForTheRest(asked: ReturnType<typeof asking>, wanted: number): Promise<void> {
  const end = Date.now() + 15_000
  while (asked.count('VALID') < wanted && Date.now() < end) {
    const codes = await Promise.all(workers.map(asked.ask))
    if (!codes.includes('VALID')) await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('three Workers that verify one busy key admit its whole quota and not one more, and rarely ask Redis', {
  timeout: WITHIN_MS,
}, async () => {
  const {
    keys: [key = ''],
  } = await world.issueKeys(1, { perMinute: 1_000_000, quota: LIMIT })
  const asked = asking(key)
  await world.trips()

  await asked.askUntil(workers, () => asked.count('VALID') >= LIMIT / 2)
  const { redisRequests } = await world.trips()
  await asked.askUntil(workers, (code) => code !== 'VALID')
  await askForTheRest(asked, LIMIT)
  await asked.askUntil(workers, () => asked.count('QUOTA_EXCEEDED') > 100)

  expect(redisRequests).toBeLessThan(LIMIT / 4)
  expect(asked.count('VALID')).toBe(LIMIT)
})

test('one Worker asks Redis at most once per ten verifications of a busy key, as counted by the stack', {
  timeout: WITHIN_MS,
}, async () => {
  const {
    keys: [key = ''],
  } = await world.issueKeys(1, { perMinute: 1_000_000, quota: null })
  const asked = asking(key)
  await world.trips()

  await asked.askUntil(workers.slice(0, 1), () => asked.count('VALID') >= 600)

  const { redisRequests } = await world.trips()
  expect(redisRequests).toBeGreaterThan(0)
  expect(redisRequests).toBeLessThanOrEqual(asked.count('VALID') / 10)
})

test('a limit still holds if a Worker dies midway, short of its lease and its pending responses', {
  timeout: WITHIN_MS,
}, async () => {
  const {
    keys: [key = ''],
  } = await world.issueKeys(1, { perMinute: LIMIT, quota: null })
  const asked = asking(key)
  const began = Date.now()
  const [first, second, third] = workers as [Workerd, Workerd, Workerd]

  const all = asked.askUntil(workers, (code) => code !== 'VALID')
  while (asked.count('VALID') < LIMIT / 4) await new Promise((resolve) => setTimeout(resolve, 5))
  await third.kill()
  await all
  workers = [first, second]
  const bound = LIMIT * LEASE_SHARE + AT_ONCE
  await askForTheRest(asked, LIMIT - bound)
  await asked.askUntil(workers, () => asked.count('RATE_LIMITED') > 100)

  const windows = 1 + Math.floor((Date.now() - began) / 60_000) // on a machine so slow that units return
  expect(asked.count(undefined)).toBeGreaterThan(0)
  expect(asked.count('VALID')).toBeLessThanOrEqual(LIMIT * windows)
  expect(asked.count('VALID')).toBeGreaterThanOrEqual(LIMIT - bound)
})
