import { writeFile } from 'node:fs/promises'
import { Client } from 'pg'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { readAddress, readCount } from '../../local/support/settings.ts'
import { scratchDatabase } from '../../test/support/scratch-database.ts'
import { fill } from './analytics-database.ts'
import { explaining, type Measured, processorClock } from './analytics-explain.ts'
import { QUESTIONS } from './analytics-questions.ts'
import { sizes } from './analytics-sizes.ts'

const HELP = `Usage: npm run bench:analytics

Fills a database of its own beside DATABASE_URL (a real Postgres, about 14 GB and 20 to 30 minutes) with EVENTS events,
10,000,000 unless set, over a year, asks every question of the analytics, and prints what each took inside Postgres: the
median of RUNS, 5 unless set, of a processor's time and of all time, and the first. Fails when one is over 200 ms, of the
processor where that is known. The plans go to bench/results/analytics-explain.txt, unless there
are fewer events than 10,000,000: the file is what documentation points to.

FILLED=url asks a database that is already filled, and keeps it.`

const LIMIT_MS = 200
const USUAL_EVENTS = 10_000_000
/** The product's settings, without parallel workers: the process then uses all the time that the question takes. */
const OPTIONS = '-c timezone=UTC -c jit=off -c max_parallel_workers_per_gather=0'
const PLANS = new URL('../results/analytics-explain.txt', import.meta.url)

await command(async function benchAnalytics() {
  const { values } = readArguments({})
  if (values.help) return console.log(HELP)
  const databaseUrl = readAddress(process.env, 'DATABASE_URL')
  const events = readCount('EVENTS', process.env.EVENTS, USUAL_EVENTS)
  const runs = readCount('RUNS', process.env.RUNS, 5)
  if (process.env.FILLED) return measure(process.env.FILLED, runs)
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it names a real Postgres. Try --help.')
  const scratch = await scratchDatabase(databaseUrl)
  try {
    await fill(scratch.url, events, new Date())
    await measure(scratch.url, runs)
  } finally {
    await scratch.drop()
  }
})

async function measure(url: string, runs: number): Promise<void> {
  const client = new Client({ connectionString: url, options: OPTIONS })
  await client.connect()
  try {
    const { rows } = await client.query('select max(hour) as hour from usage_totals')
    const now = rows[0].hour.getTime() + 1_800_000
    const clock = await processorClock(client)
    const results: [string, Measured][] = []
    for (const [name, ask] of Object.entries(QUESTIONS)) {
      const sql = explaining(client, runs, clock)
      const answered = await ask(sql, now)
      const measured = { ...sql.measured(), rows: answered }
      results.push([name, measured])
      console.log(line(name, measured))
    }
    if (await isWhole(client))
      await writeFile(PLANS, results.map(([name, { plans }]) => `# ${name}\n\n${plans.join('\n\n')}\n`).join('\n'))
    console.log(await sizes(client))
    const slow = results.filter(([, { ms, processorMs }]) => (processorMs ?? ms) > LIMIT_MS)
    if (slow.length > 0) throw new Error(`Over ${LIMIT_MS} ms: ${slow.map(([name]) => name).join(', ')}`)
  } finally {
    await client.end()
  }
}

/** Whether it contains as many events as the stored plans are about, even if somebody else filled it. */
async function isWhole(client: Client): Promise<boolean> {
  const { rows } = await client.query('select sum(requests)::float8 as events from usage_totals')
  return Number(rows[0].events) >= USUAL_EVENTS
}

function line(name: string, { ms, processorMs, first, blocks, rows }: Measured): string {
  const megabytes = ((blocks * 8) / 1024).toFixed(1)
  return `| ${name} | ${processorMs?.toFixed(1) ?? ''} | ${ms.toFixed(1)} | ${first.toFixed(1)} | ${megabytes} | ${rows} |`
}
