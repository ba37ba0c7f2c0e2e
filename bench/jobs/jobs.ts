/** `npm run bench:jobs`: see HELP. */
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { readAddress } from '../../local/support/settings.ts'
import { createDeps } from '../../src/create-deps.ts'
import type { Deps } from '../../src/deps.ts'
import { openWorld } from '../bench-world.ts'
import { buildWorker, startWorkerd } from '../worker.ts'
import { SEEDS } from './seeds.ts'
import { measureWebhooks } from './webhooks.ts'

const HELP = `Usage: npm run bench:jobs [-- JOB …]

Gives jobs of src/jobs/registry.ts work in a database of its own beside DATABASE_URL, runs each once in workerd, and prints
rows a minute. Then (JOB: webhooks) it delivers webhooks to 200 endpoints, of which 20 are slow, and prints how long events
took to the others: in the minute in which the slowness begins, and in the next one.
Environment: DATABASE_URL and REDIS_URL, a real Postgres and a real Redis.`

/** Runs a job in a separate invocation. */
export type RunJob = (name: string) => Promise<{ seconds: number; result: string }>

await command(async function benchJobs() {
  const { values, positionals } = readArguments({}, Object.keys(SEEDS).length + 1)
  if (values.help) return console.log(HELP)
  const [databaseUrl, redisUrl] = [readAddress(process.env, 'DATABASE_URL'), readAddress(process.env, 'REDIS_URL')]
  if (!databaseUrl || !redisUrl) throw new Error('DATABASE_URL and REDIS_URL are not set. Try --help.')
  const isWanted = (name: string) => positionals.length === 0 || positionals.includes(name)
  const world = await openWorld({ databaseUrl, redisUrl })
  const variables = {
    ...world.variables,
    PUBLIC_URL: 'http://localhost:8000', // endpoints may be on this machine
    MAIL_PROVIDER: 'http',
    MAIL_API_URL: `${world.stackUrl}/mail/emails`,
    MAIL_API_KEY: 'local-mail-key',
    MAIL_FROM: 'Bench <mail@bench.dev>',
  }
  try {
    const deps = createDeps(variables, { waitUntil: () => undefined })
    deps.budget.lift()
    const worker = await startWorkerd({
      jobs: { bundle: await buildWorker('bench/jobs/jobs-worker.ts'), variables },
    })
    try {
      const runJob = runAt(worker.url)
      for (const name of Object.keys(SEEDS).filter(isWanted)) await measureJob(deps, name, runJob)
      if (isWanted('webhooks')) await measureWebhooks(deps, runJob)
    } finally {
      await worker.kill()
    }
  } finally {
    await world.close()
  }
})

function runAt(url: string): RunJob {
  return async (name) => {
    const started = performance.now()
    const response = await fetch(`${url}/${name}`)
    const result = await response.text()
    if (!response.ok) throw new Error(`${name} failed: ${response.status} ${result}`)
    return { seconds: (performance.now() - started) / 1_000, result }
  }
}

async function measureJob(deps: Deps, name: string, runJob: RunJob): Promise<void> {
  const seed = SEEDS[name]
  if (!seed) return
  await seed.prepare(deps)
  await deps.sql.query('analyze')
  const { seconds, result } = await runJob(name)
  const rows = seed.done ? Number((JSON.parse(result) as Record<string, unknown>)[seed.done]) : seed.rows
  const perMinute = Math.round((rows / seconds) * 60)
  console.log(`| \`${name}\` | ${seed.rows} ${seed.of} | ${seconds.toFixed(2)} s | ${perMinute} | ${result}`)
}
