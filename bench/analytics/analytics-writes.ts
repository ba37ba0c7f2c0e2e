import { existsSync, readFileSync } from 'node:fs'
import { Client } from 'pg'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { connect } from '../../local/support/connect.ts'
import { migrateUp } from '../../local/support/migrations.ts'
import { readAddress, readCount } from '../../local/support/settings.ts'
import { VERIFICATION } from '../../src/metering/event.ts'
import { FUNCTIONS } from '../../src/metering/functions/names.ts'
import { RECORD_USAGE, RECORD_VERIFICATIONS } from '../../src/metering/functions/statements.ts'
import { scratchDatabase } from '../../test/support/scratch-database.ts'
import { printEventBytes } from './event-bytes.ts'

const HELP = `Usage: npm run bench:writes [-- --bytes]

Writes batches of events to a database of its own beside DATABASE_URL (a real Postgres) with the functions that the product
writes with, for SECONDS (5) each. Prints of each kind and size of batch how many organizations it was of, batches and events
per second, milliseconds a batch, and milliseconds of Postgres's processor: by function, and by the same statement as text.
These two need a Postgres on this machine. --bytes instead prints how many bytes a verification takes, and would take in
smaller layouts.`

const WRITERS = 8

interface Case {
  readonly kind: keyof typeof KINDS
  readonly batch: number
  readonly organizations: number
}

const KINDS = {
  verifications: { name: FUNCTIONS.recordVerifications, text: RECORD_VERIFICATIONS, create: createVerification },
  reports: { name: FUNCTIONS.recordUsage, text: RECORD_USAGE, create: createReport },
}

const CASES: readonly Case[] = (['verifications', 'reports'] as const).flatMap((kind) => [
  { kind, batch: 1, organizations: 1 },
  { kind, batch: 1, organizations: 1_000 },
  { kind, batch: 20, organizations: 1 },
  { kind, batch: 500, organizations: 1 },
  { kind, batch: 500, organizations: 1_000 },
])

async function main(databaseUrl: string, run: (url: string) => Promise<void>): Promise<void> {
  const scratch = await scratchDatabase(databaseUrl)
  const { sql, close } = await connect({ ...process.env, DATABASE_URL: scratch.url })
  await migrateUp(sql, undefined, () => undefined)
  await close()
  try {
    await run(scratch.url)
  } finally {
    await scratch.drop()
  }
}

async function measureWrites(url: string, seconds: number): Promise<void> {
  const clients = Array.from({ length: WRITERS }, () => new Client({ connectionString: url }))
  try {
    await Promise.all(clients.map((client) => client.connect()))
    // alone first: what 8 concurrent writers leave behind in the busiest rows would distort it
    for (const one of CASES) {
      const processor = await measureProcessor(url, one)
      const written = await measure(clients, one, seconds)
      console.log(`| ${one.kind} | ${one.batch} | ${one.organizations} | ${written} | ${processor} |`)
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function measureBytes(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await printEventBytes(client)
  } finally {
    await client.end()
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

const batchOf = ({ kind, batch, organizations }: Case) =>
  JSON.stringify(Array.from({ length: batch }, () => KINDS[kind].create(organizations)))

async function write(client: Client, one: Case): Promise<void> {
  await client.query(`select * from ${KINDS[one.kind].name}($1)`, [batchOf(one)])
}

/** Processor milliseconds of one connection's server process, per batch: by function, and by text. */
async function measureProcessor(url: string, one: Case): Promise<string> {
  const figures = []
  for (const text of [`select * from ${KINDS[one.kind].name}($1)`, KINDS[one.kind].text]) {
    const client = new Client({ connectionString: url })
    await client.connect()
    const [row] = (await client.query('select pg_backend_pid() as pid')).rows
    const times = one.batch > 100 ? 20 : 200
    const run = async (count: number) => {
      for (let at = 0; at < count; at++) await client.query(text, [batchOf(one)])
    }
    await run(times / 10) // plpgsql replans until it knows that a generic plan is as good
    const before = readProcessorMs(row?.pid)
    await run(times)
    figures.push(((readProcessorMs(row?.pid) - before) / times).toFixed(2))
    await client.end()
  }
  return figures.join(' | ')
}

/** NaN if the process is on another machine. */
function readProcessorMs(pid: number): number {
  const file = `/proc/${pid}/schedstat`
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6 : Number.NaN
}

const any = (of: number) => Math.floor(Math.random() * of)
const uuid = (group: string, index: number) => `01990000-0000-7000-${group}-${String(index).padStart(12, '0')}`

/** Usage of this moment: 20 keys of each organization. */
function createUse(organizations: number) {
  const organization = any(organizations)
  return {
    organization_id: uuid('9000', organization),
    occurred_at: new Date().toISOString(),
    key_id: uuid('a000', organization * 20 + any(20)),
    environment: 'live',
  }
}

function createVerification(organizations: number) {
  return {
    ...createUse(organizations),
    id: crypto.randomUUID(),
    source: VERIFICATION,
    lane: 0,
    endpoint: '/v1/chat',
    method: 'POST',
    status_code: 200,
    api_calls: 1,
    ip: '192.0.2.1',
    trace: { plan: 'pro', versions: [1, 1] },
  }
}

/** Reports on 50 endpoints, a third of them with one of three models. */
function createReport(organizations: number) {
  const endpoint = any(50)
  return {
    ...createUse(organizations),
    id: crypto.randomUUID(),
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
}

await command(async function benchWrites() {
  const { values } = readArguments({ bytes: { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  const databaseUrl = readAddress(process.env, 'DATABASE_URL')
  const seconds = readCount('SECONDS', process.env.SECONDS, 5)
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: it names a real Postgres. Try --help.')
  await main(databaseUrl, (url) => (values.bytes ? measureBytes(url) : measureWrites(url, seconds)))
})
