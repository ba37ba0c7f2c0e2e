/** What is lost when the server is stopped under load: admitted verifications that were not written. */
import { Agent, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { parseQuota } from '../../local/support/quota-text.ts'
import { quotaKey } from '../../src/limits/limit-request.ts'
import type { World } from '../bench-world.ts'
import type { Server } from './server.ts'

/** How long a write that was on its way to Postgres may take after its sender has ended. */
const SETTLED_WITHIN_MS = 10_000

export interface Stop {
  /** Answers that said `VALID`. */
  readonly admitted: number
  /** Unanswered requests: they were in progress when the process ended. */
  readonly unanswered: number
  /** Answers that were neither a verdict nor the 503 of a stopping server. */
  readonly strange: readonly string[]
  /** The usage according to Postgres, and to Redis. */
  readonly written: number
  readonly counted: number
  /** Admitted but not written. */
  readonly lost: number
  readonly code: number | null
  readonly tookMs: number
}

/** Verifies busy keys of a new organization on several connections, and stops the server in the middle. */
export async function stopUnderLoad(
  world: World,
  server: Server,
  { signal, connections, afterMs }: { signal: NodeJS.Signals; connections: number; afterMs: number },
): Promise<Stop> {
  const { organizationId, keys } = await world.issueKeys(3, { perMinute: 1_000_000_000, quota: null })
  const asked = { admitted: 0, unanswered: 0, strange: [] as string[] }
  const agent = new Agent({ keepAlive: true })
  const ended = new AbortController()
  async function askOn(key: string): Promise<void> {
    while (!ended.signal.aborted) {
      const answer = await verify(agent, server.url, world.serviceKey, key).catch(() => undefined)
      if (answer === undefined) asked.unanswered += 1
      else if (answer.includes('"code":"VALID"')) asked.admitted += 1
      else if (!answer.includes('The server is stopping.')) asked.strange.push(answer.slice(0, 200))
      if (!answer?.includes('VALID')) await wait(20)
    }
  }
  const loops = Array.from({ length: connections }, (_, at) => askOn(keys[at % keys.length] ?? ''))
  await wait(afterMs)
  const since = performance.now()
  const code = await server.end(signal)
  const tookMs = Math.round(performance.now() - since)
  ended.abort()
  await Promise.all(loops)
  agent.destroy()
  const { written, counted } = await settled(world, organizationId, asked.admitted)
  return { ...asked, written, counted, lost: Math.max(0, asked.admitted - written), code, tookMs }
}

function verify(agent: Agent, url: string, serviceKey: string, key: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${serviceKey}`, 'Content-Type': 'application/json' }
    const asked = request(`${url}/api/v1/keys/verify`, { agent, method: 'POST', headers, timeout: 10_000 })
    asked.once('error', reject)
    asked.once('timeout', () => asked.destroy(new Error('timeout')))
    asked.once('response', (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.once('end', () => resolve(text))
      response.once('error', reject)
    })
    asked.end(JSON.stringify({ key, endpoint: '/v1/answers', method: 'GET' }))
  })
}

/** The sums once they equal the number of admitted requests, or no longer change. */
async function settled(world: World, organizationId: string, admitted: number) {
  let before = -1
  for (const until = Date.now() + SETTLED_WITHIN_MS; ; await wait(500)) {
    const [row] = await world.sql.query(
      'select coalesce(sum(api_calls), 0)::float8 as calls from usage_periods where organization_id = $1',
      [organizationId],
    )
    const written = Number(row?.calls)
    if (
      written >= admitted ||
      (written === before && Date.now() > until - SETTLED_WITHIN_MS + 2_000) ||
      Date.now() > until
    )
      return { written, counted: await countInRedis(world, organizationId) }
    before = written
  }
}

async function countInRedis({ stackUrl, variables }: World, organizationId: string): Promise<number> {
  const month = new Date().toISOString().slice(0, 7)
  const answer = await fetch(`${stackUrl}/redis`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${variables.UPSTASH_REDIS_REST_TOKEN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(['GET', quotaKey(organizationId, month)]),
  })
  const { result } = (await answer.json()) as { result: string | null }
  return parseQuota(result).api_calls ?? 0
}
