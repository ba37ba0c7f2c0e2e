import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { Sql } from '../src/db/client.ts'
import { FIRST_PLAN } from '../src/db/schema/shapes.ts'
import type { Flaw } from './import/line.ts'
import { linesOf } from './import/lines.ts'
import { importUsers, type Tally } from './import/run.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'

const HELP = `Usage: npm run import-users -- FILE [--dry-run]

Imports users with the hashes of their passwords. Each line of FILE is a JSON object:
  email, password_hash ($2a/$2b/$2y bcrypt, $argon2id, or null for none), and if known: name, email_verified, created_at, organization
Who is there already stays as they are, so that a run can be repeated. Bad lines are reported and skipped; the exit code is
then 1. --dry-run only tells what would happen. DATABASE_URL names the database.`

/** How often a long run prints its progress. */
const PROGRESS_MS = 1_000

await command(async function importUsersFromFile() {
  const { positionals, values } = readArguments(
    { 'dry-run': { type: 'boolean', default: false } },
    Number.POSITIVE_INFINITY,
  )
  const [file, ...others] = positionals
  if (values.help) return console.log(HELP)
  if (!file || others.length > 0) throw new Error('Name one file: npm run import-users -- users.ndjson')
  const lines = linesOf(await openFile(file))
  const connection = await connect(process.env)
  try {
    const tally = await runImport(connection.sql, lines, values['dry-run'])
    console.log(`${values['dry-run'] ? 'Nothing was written. It would be: ' : ''}${summary(tally)}`)
    if (tally.bad > 0) process.exitCode = 1
  } finally {
    await connection.close()
  }
})

/** @throws Error if there is no such file, before anything else happens */
async function openFile(file: string): Promise<AsyncIterable<string>> {
  const stream = createReadStream(file, 'utf8')
  await once(stream, 'open')
  return stream
}

async function runImport(sql: Sql, lines: AsyncIterable<string>, isDryRun: boolean): Promise<Tally> {
  const plans = await sql.query('select 1 from plans where id = $1', [FIRST_PLAN])
  if (plans.length === 0) throw new Error('The database has no plans yet. Run npm run seed first.')
  let toldAt = Date.now()
  return importUsers(sql, lines, {
    isDryRun,
    onBad: (line, flaws) => console.error(flaws.map((flaw) => describeFlaw(line, flaw)).join('\n')),
    onBatch(tally) {
      if (Date.now() - toldAt < PROGRESS_MS) return
      toldAt = Date.now()
      console.error(summary(tally))
    },
  })
}

function describeFlaw(line: number, { field, message }: Flaw): string {
  return `line ${line}: ${field}: ${message}`
}

function summary({ lines, imported, present, bad }: Tally): string {
  return `${lines} lines: ${imported} imported, ${present} already there, ${bad} bad.`
}
