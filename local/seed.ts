import { ormOver } from '../src/db/orm.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'
import { ensureKey, hasKeyNamed, seedFoundation, serviceKey } from './support/seed-data.ts'

const HELP = `Usage: npm run seed -- [--service-key [--replace]]

Puts the plans and the platform organization into the database that DATABASE_URL names. What is there already stays.
  --service-key   also issues a service key and prints it: it is shown this once
  --replace       issues one also where there is one already, which is revoked`

const KEPT = 'There is a service key already, and it stays; --replace revokes it and issues another.'

await command(async function seed() {
  const { values } = readArguments({ 'service-key': { type: 'boolean' }, replace: { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  if (values.replace && !values['service-key']) throw new Error('--replace goes with --service-key.')
  const connection = await connect(process.env)
  try {
    const { platformId } = await seedFoundation(connection.sql)
    console.log(`The plans and the platform organization (${platformId}) are there.`)
    if (!values['service-key']) return
    const db = ormOver(connection.sql)
    const wanted = serviceKey(platformId)
    if (!values.replace && (await hasKeyNamed(db, wanted))) return console.log(KEPT)
    console.log(`Service key, shown this once: ${await ensureKey(db, wanted)}`)
  } finally {
    await connection.close()
  }
})
