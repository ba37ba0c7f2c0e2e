import type { Context } from 'hono'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { VERSION } from '../version.ts'
import type { AppEnv } from './env.ts'

/** Whether this deployment can do its work: 200 when both stores answer, else 503 that names the one that does not. */
export async function health(c: Context<AppEnv>): Promise<Response> {
  const { deps } = c.var
  const [database, redis] = await Promise.all([
    answers('database', () => deps.sql.query('select 1')),
    answers('redis', () => deps.redis.ping()),
  ])
  const isHealthy = database && redis
  return c.json({ ...identity(deps, isHealthy), database: state(database), redis: state(redis) }, isHealthy ? 200 : 503)
}

/** Whether the isolate runs at all; asks nobody. */
export function live(c: Context<AppEnv>): Response {
  return c.json(identity(c.var.deps, true))
}

const identity = (deps: Deps, isHealthy: boolean) => ({
  status: isHealthy ? 'healthy' : 'unhealthy',
  service: deps.config.SERVICE_NAME,
  version: VERSION,
})

const state = (isConnected: boolean) => (isConnected ? 'connected' : 'unreachable')

async function answers(part: string, ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch (error) {
    log('error', 'health_check_failed', { part, ...errorFields(error) })
    return false
  }
}
