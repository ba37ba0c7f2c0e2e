import { Client } from 'pg'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { connect } from '../../local/support/connect.ts'
import { migrateUp } from '../../local/support/migrations.ts'
import { readAddress, readCount } from '../../local/support/settings.ts'
import { writeStatement } from '../../src/metering/write-statement.ts'
import { scratchDatabase } from '../../test/support/scratch-database.ts'

const HELP = `Usage: npm run bench:writes

Writes batches of events to a database of its own beside DATABASE_URL (a real Postgres) with the statement that the product
writes with, for SECONDS (5) each. Prints of each size of batch how many organizations it was of, batches and events per
second, milliseconds a batch, and how many of these it takes to read and plan the statement where nothing else goes on.`

const WRITERS = 8

interface Case {
  readonly batch: number
  readonly organizations: number
}

const CASES: readonly Case[] = [
  { batch: 1, organizations: 1 },
  { batch: 1, organizations: 1_000 },
  { batch: 100, organizations: 1 },
  { batch: 500, organizations: 1 },
  { batch: 500, organizations: 1_000 },
]

await command(async function benchWrites() {
  const { values } = readArguments({})
  if (values.help) return console.log(HELP)
  const databaseUrl = readAddress(process.env, 'DATABASE_URL')
  const seconds = readCount('SECONDS', process.env.SECONDS, 5)
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it names a real Postgres. Try --help.')
  await main(databaseUrl, seconds)
})

async function main(databaseUrl: string, seconds: number): Promise<void> {
  const scratch = await scratchDatabase(databaseUrl)
  const { sql, close } = await connect({ ...process.env, DATABASE_URL: scratch.url })
  await migrateUp(sql, undefined, () => undefined)
  await close()
  const clients = Array.from({ length: WRITERS }, () => new Client({ connectionString: scratch.url }))
  try {
    await Promise.all(clients.map((client) => client.connect()))
    for (const one of CASES) {
      const written = await measure(clients, one, seconds)
      console.log(
        `| ${one.batch} | ${one.organizations} | ${written} | ${await planningMs(clients[0] as Client, one)} |`,
      )
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
    await scratch.drop()
  }
}

async function measure(clients: readonly Client[], one: Case, seconds: number): Promise<string> {
  const [started, end] = [performance.now(), performance.now() + seconds * 1_000]
  const counts = await Promise.all(
    clients.map(async (client) => {
      let batches = 0
      for (; performance.now() < end; batches++) await write(client, one)
      return batches
    }),
  )
  const batches = counts.reduce((sum, count) => sum + count, 0)
  const perSecond = batches / ((performance.now() - started) / 1_000)
  const meanMs = (1_000 * WRITERS) / perSecond
  return `${Math.round(perSecond)} | ${Math.round(perSecond * one.batch)} | ${meanMs.toFixed(1)}`
}

async function write(client: Client, one: Case): Promise<void> {
  const events = createEvents(one)
  await client.query(writeStatement(events), [JSON.stringify(events)])
}

/** What a statement takes before it does anything: the median of nine, alone, of reading, planning and the way there and back. */
async function planningMs(client: Client, one: Case): Promise<string> {
  const times = []
  for (let at = 0; at < 9; at++) {
    const text = writeStatement(createEvents(one))
    const started = performance.now()
    await client.query(`explain ${text}`, ['[]'])
    times.push(performance.now() - started)
  }
  return (times.toSorted((a, b) => a - b)[4] ?? 0).toFixed(1)
}

/** Events of this moment: 50 endpoints, 20 keys, a third of them with one of three models. */
function createEvents({ batch, organizations }: Case) {
  const any = (of: number) => Math.floor(Math.random() * of)
  const uuid = (group: string, index: number) => `01990000-0000-7000-${group}-${String(index).padStart(12, '0')}`
  return Array.from({ length: batch }, () => {
    const [endpoint, organization] = [any(50), any(organizations)]
    return {
      id: crypto.randomUUID(),
      organization_id: uuid('9000', organization),
      occurred_at: new Date().toISOString(),
      key_id: uuid('a000', organization * 20 + any(20)),
      environment: 'live',
      endpoint: `/v1/resources/${endpoint}`,
      method: 'GET',
      status_code: Math.random() < 0.97 ? 200 : 500,
      response_time_ms: any(400),
      api_calls: 1,
      ...(endpoint % 3 === 0 && {
        model: `model-${endpoint % 9}`,
        provider: 'provider',
        input_tokens: 900,
        cost_usd: '0.001200',
      }),
    }
  })
}
