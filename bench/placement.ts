/** `npm run bench:placement`: see HELP. */
import { readArguments } from '../local/support/arguments.ts'
import { command } from '../local/support/command.ts'
import { sleep } from '../src/lib/sleep.ts'
import { openWorld, type World } from './bench-world.ts'
import { type Load, load } from './load.ts'
import { buildWorker, startWorkerd, type Workerd } from './worker.ts'

const HELP = `Usage: npm run bench:placement

Runs the Worker as it is deployed, with REDIS_TIMEOUT_MS as it is by default, sets the answers of each store back by the round
trip to another region, and prints what a caller waits for: milliseconds of the median and of the 99th of a hundred
requests, one after the other, and how many of a hundred verifications were decided without Redis.`

/** Milliseconds of a round trip: in one region, across a continent, around half of the earth, and beyond the timeout of Redis. */
const NEAR = 5
const DELAYS = [
  { redis: NEAR, sql: NEAR },
  { redis: 80, sql: NEAR },
  { redis: NEAR, sql: 80 },
  { redis: 80, sql: 80 },
  { redis: 200, sql: NEAR },
  { redis: NEAR, sql: 200 },
  { redis: 200, sql: 200 },
  { redis: 320, sql: 200 },
]
const REQUESTS = 100
const UNLIMITED = { perMinute: 1_000_000_000, quota: null }

/** @returns a function that returns a body for the next key, from the first one */
function inTurn(keys: readonly string[]): () => string {
  let at = 0
  return () => JSON.stringify({ key: keys[at++ % keys.length] })
}

interface Asked {
  readonly world: World
  readonly workerd: Workerd
}

function ask({ world, workerd }: Asked, path: string, body: Load['body'], amount = REQUESTS) {
  const headers = { Authorization: `Bearer ${world.serviceKey}` }
  return load({ url: `${workerd.url}${path}`, method: 'POST', headers, body: body as string, connections: 1, amount })
}

const COUNT_ALONE = `select count(*)::int as events, count(*) filter (where trace->>'alone' = 'true')::int as alone
  from usage_events where organization_id = any($1) and occurred_at >= $2`

/** The percentage of verifications since a moment that were decided without Redis, once all events are written. */
async function countAlone({ world }: Asked, organizationIds: readonly string[], since: Date): Promise<string> {
  const expected = organizationIds.length * REQUESTS
  for (let tries = 0; tries < 100; tries++) {
    const [row] = await world.sql.query(COUNT_ALONE, [organizationIds, since.toISOString()])
    if (row?.events === expected) return `${Math.round((100 * row.alone) / expected)} %`
    await sleep(100)
  }
  throw new Error(`Not all events of ${expected} verifications were written within ten seconds.`)
}

async function measurePlace(asked: Asked, { redis, sql }: (typeof DELAYS)[number]): Promise<string> {
  const { world } = asked
  const [busy, quiet, cold] = [
    await world.issueKeys(1, UNLIMITED),
    await world.issueKeys(REQUESTS, UNLIMITED),
    await world.issueKeys(REQUESTS, UNLIMITED),
  ]
  const verify = '/api/v1/keys/verify'
  const event = () =>
    JSON.stringify({ events: [{ id: crypto.randomUUID(), organization_id: busy.organizationId, api_calls: 1 }] })
  await ask(asked, verify, inTurn(quiet.keys))
  await ask(asked, verify, inTurn(busy.keys), 20)
  await world.delay({ redis, sql })
  const since = new Date()
  const measured = [
    await ask(asked, verify, inTurn(busy.keys)),
    await ask(asked, verify, inTurn(quiet.keys)),
    await ask(asked, verify, inTurn(cold.keys)),
    await ask(asked, '/api/v1/usage?durability=sync', event, 20),
  ]
  await world.delay({ redis: 0, sql: 0 })
  const times = measured.map(({ p50, p99 }) => `${Math.round(p50)} / ${Math.round(p99)}`)
  const alone = await countAlone(asked, [quiet.organizationId, cold.organizationId], since)
  const failed = measured.reduce((sum, one) => sum + one.failed, 0)
  return `| ${[redis, sql, ...times, alone, failed].join(' | ')} |`
}

await command(async function benchPlacement() {
  if (readArguments({}).values.help) return console.log(HELP)
  const world = await openWorld({})
  const { REDIS_TIMEOUT_MS: _, ...variables } = world.variables as Record<string, string>
  const workerd = await startWorkerd({ tollgate: { bundle: await buildWorker('src/index.ts'), variables } })
  try {
    console.log(
      '| Redis ms | Postgres ms | busy key | quiet key | key seen first | report, written | without Redis | failed |',
    )
    console.log('|--:|--:|--:|--:|--:|--:|--:|--:|')
    for (const place of DELAYS) console.log(await measurePlace({ world, workerd }, place))
  } finally {
    await workerd.kill()
    await world.close()
  }
})
