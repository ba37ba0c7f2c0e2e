/** `npm run soak`: see HELP. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { readArguments } from '../local/support/arguments.ts'
import { command } from '../local/support/command.ts'
import { parseQuota } from '../local/support/quota-text.ts'
import { readAddress, readCount } from '../local/support/settings.ts'
import { quotaKey } from '../src/limits/limit-request.ts'
import { openWorld, type World } from './bench-world.ts'
import { load } from './load.ts'
import { buildWorker, startWorkerd, type Workerd } from './worker.ts'

const HELP = `Usage: npm run soak -- [--minutes 10] [--rate 300]

Verifies 10,000 keys of 20 organizations in mixed traffic, over HTTP in workerd, and then compares: what was admitted
with what Postgres and Redis say was used, and the memory of the process with what it was before. Fails when anything
differs, when one answer is no verdict, or when memory grows.
Environment: DATABASE_URL and REDIS_URL for real stores.`

const ORGANIZATIONS = 20
const KEYS_EACH = 500
const CONNECTIONS = 24
const SLICE_SECONDS = 10
/** The growth of memory from the second third of the time to the last: caches are full by then. */
const MEMORY_GROWTH = 1.1
/** The key of the n-th of a hundred requests. */
const BUSY_OF_100 = 70
const MISTYPED_OF_100 = 5
/** Few enough that each is busy. */
const BUSY_KEYS = 5

type Report = Awaited<ReturnType<typeof run>>

interface Traffic {
  readonly organizations: readonly string[]
  readonly keys: readonly string[]
  /** The number of answers by code. */
  readonly codes: Map<string, number>
}

await command(async function soak() {
  const { values } = readArguments({ minutes: { type: 'string' }, rate: { type: 'string' } })
  if (values.help) return console.log(HELP)
  const effort = {
    minutes: readCount('--minutes', values.minutes, 10),
    rate: readCount('--rate', values.rate, 300),
  }
  const [databaseUrl, redisUrl] = [readAddress(process.env, 'DATABASE_URL'), readAddress(process.env, 'REDIS_URL')]
  const world = await openWorld({ databaseUrl, redisUrl })
  try {
    const worker = await startWorkerd({
      tollgate: { bundle: await buildWorker('src/index.ts'), variables: world.variables },
    })
    const report = await run(world, worker, effort).finally(() => worker.kill())
    console.log(JSON.stringify(report, null, 2))
    await mkdir(new URL('./results/', import.meta.url), { recursive: true })
    await writeFile(new URL('./results/soak.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`)
    await publish(report)
    if (report.faults.length > 0) throw new Error(`The soak failed: ${report.faults.join('; ')}`)
  } finally {
    await world.close()
  }
})

/** Writes the result into its place on the page. */
async function publish({ date, minutes, perSecond, requests, failed, admitted, used, memoryMb, slowestP99Ms }: Report) {
  const url = new URL('../docs/operate/performance.md', import.meta.url)
  const page = await readFile(url, 'utf8')
  const third = Math.floor(memoryMb.length / 3)
  const text = `${date}: ${minutes} minutes at ${perSecond} a second, ${requests.toLocaleString('en')} requests, ${failed} failed; ${admitted.toLocaleString('en')} admitted, ${used.postgres.toLocaleString('en')} in
Postgres, ${used.redis.toLocaleString('en')} in Redis. Memory: ${mean(memoryMb.slice(third, 2 * third))} MB in the second third, ${mean(memoryMb.slice(2 * third))} MB in the last. The worst p99 of ten seconds was ${slowestP99Ms} ms.`
  const [from, to] = ['<!-- soak -->', '<!-- /soak -->']
  await writeFile(url, `${page.slice(0, page.indexOf(from) + from.length)}\n${text}\n${page.slice(page.indexOf(to))}`)
}

async function run(world: World, worker: Workerd, { minutes, rate }: { minutes: number; rate: number }) {
  const traffic = await createTraffic(world)
  const memoryMb: number[] = []
  let failed = 0
  let requests = 0
  let seconds = 0
  let slowest = 0
  const cpu = await worker.cpuMs()
  for (const end = Date.now() + minutes * 60_000; Date.now() < end; ) {
    const loaded = await slice(world, worker, traffic, rate)
    failed += loaded.failed
    requests += loaded.requests
    seconds += loaded.seconds
    slowest = Math.max(slowest, loaded.p99)
    memoryMb.push(Math.round((await worker.memoryBytes()) / 1e6))
    console.error(
      `${requests} requests, ${failed} failed, p99 ${loaded.p99.toFixed(1)} ms, ${memoryMb.at(-1)} MB ${loaded.reasons.join(', ')}`,
    )
  }
  const cpuMicros = Math.round((((await worker.cpuMs()) - cpu) * 1_000) / requests)
  const valid = traffic.codes.get('VALID') ?? 0
  const used = await usedOnceSettled(world, traffic, valid)
  const measured = {
    date: new Date().toISOString().slice(0, 10),
    minutes,
    /** Computed from the slices: autocannon stays below the requested rate. */
    perSecond: Math.round(requests / seconds),
    requests,
    codes: Object.fromEntries(traffic.codes),
    failed,
    slowestP99Ms: Math.round(slowest),
    cpuMicros,
    memoryMb,
    admitted: valid,
    used,
  }
  return { ...measured, faults: faultsIn(measured) }
}

async function createTraffic(world: World): Promise<Traffic> {
  const organizations: string[] = []
  const keys: string[] = []
  for (let n = 0; n < ORGANIZATIONS; n++) {
    const holder = await world.issueKeys(KEYS_EACH, { perMinute: 1_000_000_000, quota: null })
    organizations.push(holder.organizationId)
    keys.push(...holder.keys)
  }
  return { organizations, keys, codes: new Map() }
}

/** A fixed number of requests: none is cut off, so the number of admitted ones is exact. */
function slice(world: World, worker: Workerd, { keys, codes }: Traffic, rate: number) {
  const count = (code: string) => codes.set(code, (codes.get(code) ?? 0) + 1)
  return load({
    url: `${worker.url}/api/v1/keys/verify`,
    method: 'POST',
    headers: { Authorization: `Bearer ${world.serviceKey}` },
    body: () => JSON.stringify({ key: pickKey(keys), endpoint: '/v1/answers', method: 'GET' }),
    connections: CONNECTIONS,
    amount: rate * SLICE_SECONDS,
    rate,
    onAnswer: (status, body) => void count(status === 200 ? JSON.parse(body).code : `status ${status}`),
  })
}

function pickKey(keys: readonly string[]): string {
  const dice = Math.random() * 100
  if (dice < MISTYPED_OF_100) return `${keys[0]?.slice(0, -2)}--`
  const among = dice < MISTYPED_OF_100 + BUSY_OF_100 ? BUSY_KEYS : keys.length
  return keys[Math.floor(Math.random() * among)] ?? ''
}

/** The usage according to the stores, once the last batch is written and the last lease is returned. */
async function usedOnceSettled({ sql, stackUrl, variables }: World, { organizations }: Traffic, valid: number) {
  const token = variables.UPSTASH_REDIS_REST_TOKEN
  for (let tries = 0; ; tries++) {
    const [row] = await sql.query(
      'select sum(api_calls)::float8 as calls, sum(requests)::float8 as requests from usage_periods where organization_id = any($1)',
      [organizations],
    )
    const month = new Date().toISOString().slice(0, 7)
    const commands = organizations.map((id) => ['GET', quotaKey(id, month)])
    const answer = await fetch(`${stackUrl}/redis/pipeline`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(commands),
    })
    const counts = (await answer.json()) as { result: string | null }[]
    const redis = counts.reduce((sum, { result }) => sum + (parseQuota(result).api_calls ?? 0), 0)
    const used = { postgres: Number(row?.calls), redis }
    if ((used.postgres === valid && used.redis === valid) || tries === 20) return used
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function faultsIn(measured: {
  failed: number
  codes: Readonly<Record<string, number>>
  memoryMb: readonly number[]
  admitted: number
  used: { postgres: number; redis: number }
}): string[] {
  const { failed, codes, memoryMb, admitted, used } = measured
  const third = Math.floor(memoryMb.length / 3)
  const [before, after] = [mean(memoryMb.slice(third, 2 * third)), mean(memoryMb.slice(2 * third))]
  const unexpected = Object.keys(codes).filter((code) => !['VALID', 'NOT_FOUND'].includes(code))
  return [
    failed > 0 && `${failed} requests failed`,
    unexpected.length > 0 && `answers ${unexpected.join(', ')}`,
    used.postgres !== admitted && `Postgres says ${used.postgres} were used, ${admitted} were admitted`,
    used.redis !== admitted && `Redis says ${used.redis} were used, ${admitted} were admitted`,
    third > 0 && after > before * MEMORY_GROWTH && `memory grew from ${before} to ${after} MB`,
  ].filter((fault) => fault !== false)
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length)
}
