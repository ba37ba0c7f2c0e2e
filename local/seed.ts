import { ormOver } from '../src/db/orm.ts'
import { readArguments } from './arguments.ts'
import { command } from './command.ts'
import { connect } from './connect.ts'
import { ensureKey, seedFoundation, serviceKey } from './seed-data.ts'

const HELP = `Usage: npm run seed -- [--service-key]

Puts the plans and the platform organization into the database that DATABASE_URL names. What is there already stays.
  --service-key   also issues a service key, in place of an earlier one, and prints it: it is shown this once`

await command(async function seed() {
  const { values } = readArguments({ 'service-key': { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  const connection = await connect(process.env)
  try {
    const { platformId } = await seedFoundation(connection.sql)
    console.log(`The plans and the platform organization (${platformId}) are there.`)
    if (!values['service-key']) return
    console.log(`Service key, shown this once: ${await ensureKey(ormOver(connection.sql), serviceKey(platformId))}`)
  } finally {
    await connection.close()
  }
})
