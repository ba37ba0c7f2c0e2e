import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { type Connection, connect } from './support/connect.ts'
import { compareSchema, migrateDown, migrateUp } from './support/migrations.ts'

const HELP = `Usage: npm run migrate -- up [NAME] | down [NAME] | status

  up          applies every pending migration, or those up to and including NAME
  down        undoes the newest migration, or all down to and including NAME
  status      lists them, and when each was applied

NAME may be a number alone, such as 0001. DATABASE_URL names the database.`

type Verb = (connection: Connection, name: string | undefined) => Promise<void>

const VERBS: Record<string, Verb | undefined> = {
  async up({ sql }, name) {
    let count = 0
    await migrateUp(sql, name, (applied) => {
      count += 1
      console.log(`applied ${applied}`)
    })
    if (count === 0) console.log('Nothing is pending.')
  },
  async down({ sql }, name) {
    let count = 0
    await migrateDown(sql, name, (undone) => {
      count += 1
      console.log(`undone ${undone}`)
    })
    if (count === 0) console.log('There is nothing to undo.')
  },
  async status({ sql }) {
    const { migrations, unknown } = await compareSchema(sql)
    for (const { name, appliedAt } of migrations) console.log(`${name}  ${appliedAt ?? 'pending'}`)
    for (const name of unknown) console.log(`${name}  of a newer version`)
  },
}

await command(async function migrate() {
  const { values, positionals } = readArguments({}, 2)
  const [verb = 'help', name] = positionals
  const run = values.help ? undefined : VERBS[verb]
  if (!run) {
    console.log(HELP)
    process.exitCode = verb === 'help' || values.help ? 0 : 2
    return
  }
  const connection = await connect(process.env)
  try {
    await run(connection, name)
  } finally {
    await connection.close()
  }
})
