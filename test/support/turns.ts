import { afterEach, beforeEach } from 'vitest'
import { directly } from './direct.ts'
import { eventually } from './http.ts'

const WAIT_MS = 170_000

/**
 * Makes each test of this file wait until no other test of the same name runs, also in other files: for jobs that look at all
 * organizations, and would do the work that another test is about to watch.
 */
export function takeTurns(name: string): void {
  const { redis } = directly()
  const key = `turn:${name}`
  const own = crypto.randomUUID()
  beforeEach(async () => {
    const take = () => redis.shared.set(key, own, { nx: true, px: WAIT_MS })
    await eventually(take, (answer) => answer === 'OK', WAIT_MS)
  }, WAIT_MS)
  afterEach(async () => {
    if ((await redis.shared.get(key)) === own) await redis.shared.del(key)
  })
}
