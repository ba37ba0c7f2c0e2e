import { ormOver } from '../src/db/orm.ts'
import { parseEmailAddress } from '../src/lib/email-address.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'
import { ensureOwner, ensureUser, findUserId, seedFoundation } from './support/seed-data.ts'

const HELP = `Usage: npm run admin -- --email you@example.com [--reset-password]

Makes an administrator of this deployment: a user, known or new, who owns the platform organization. A new
user gets a password, which is printed once; change it after the first login. Who is there keeps theirs, unless
--reset-password asks for another. DATABASE_URL names the database.`

const KEPT = 'The password is what it was; --reset-password sets another.'

await command(async function admin() {
  const { values } = readArguments({ email: { type: 'string' }, 'reset-password': { type: 'boolean' } })
  const { email } = values
  if (values.help || email === undefined) return console.log(HELP)
  const address = parseEmailAddress(email)
  if (address === undefined) throw new Error(`--email: ${email} is not an email address.`)
  const connection = await connect(process.env)
  try {
    const db = ormOver(connection.sql)
    const { platformId } = await seedFoundation(connection.sql)
    const known = values['reset-password'] ? undefined : await findUserId(db, address)
    const { id, login } = known ? { id: known } : await ensureUser(db, address)
    await ensureOwner(db, platformId, id)
    console.log(`${address} is an administrator. ${login ? `Password, shown this once: ${login.password}` : KEPT}`)
  } finally {
    await connection.close()
  }
})
