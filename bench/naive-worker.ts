/**
 * A hand-written solution as an honest baseline: one query for the key, the sliding window of \@upstash/ratelimit, and
 * one row for the usage, each a separate round trip, for every request.
 */
import { neon, neonConfig } from '@neondatabase/serverless'
import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis/cloudflare'
import { Hono } from 'hono'

interface Env {
  readonly DATABASE_URL: string
  readonly NEON_FETCH_ENDPOINT: string
  readonly UPSTASH_REDIS_REST_URL: string
  readonly UPSTASH_REDIS_REST_TOKEN: string
}

const SELECT = `select k.id, k.organization_id, k.name, k.scopes, coalesce(k.custom_rate_limit, 1000000000) as per_minute
from api_keys k where k.key_hash = $1 and k.revoked_at is null and k.is_active`
const INSERT = 'insert into naive_usage (organization_id, key_id, endpoint) values ($1, $2, $3)'

const app = new Hono<{ Bindings: Env }>()

app.post('/', async (c) => {
  const { key, endpoint = '' } = await c.req.json<{ key: string; endpoint?: string }>()
  neonConfig.fetchEndpoint = c.env.NEON_FETCH_ENDPOINT
  const sql = neon(c.env.DATABASE_URL)
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
  const [row] = await sql.query(SELECT, [`\\x${Buffer.from(hash).toString('hex')}`])
  if (!row) return c.json({ valid: false, code: 'NOT_FOUND' })
  const redis = new Redis({ url: c.env.UPSTASH_REDIS_REST_URL, token: c.env.UPSTASH_REDIS_REST_TOKEN })
  const limiter = new Ratelimit({ redis, limiter: Ratelimit.slidingWindow(Number(row.per_minute), '60 s') })
  const { success, remaining, reset } = await limiter.limit(String(row.id))
  if (!success) return c.json({ valid: false, code: 'RATE_LIMITED' })
  await sql.query(INSERT, [row.organization_id, row.id, endpoint])
  return c.json({ valid: true, code: 'VALID', name: row.name, scopes: row.scopes, ratelimit: { remaining, reset } })
})

export default app
