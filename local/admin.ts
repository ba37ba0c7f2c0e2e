import { ormOver } from '../src/db/orm.ts'
import { parseEmailAddress } from '../src/lib/email-address.ts'
import { appoint } from './support/administrator.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'
import { seedFoundation } from './support/seed-data.ts'

const HELP = `Usage: npm run admin -- --email you@example.com [--reset-password]

Makes an administrator of this deployment: a user, known or new, who owns the platform organization. A new
user gets a password, which is printed once; change it after the first login. A known user keeps theirs, unless
--reset-password asks for another: it ends the user's sessions, links and applications. An account that
registered itself and never confirmed its address may be a stranger's: it is refused, and --reset-password
removes what was created in it, as a reset by email does. A disabled account is refused. DATABASE_URL names
the database.`

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
    const done = await appoint(db, { platformId, email: address, resetsPassword: values['reset-password'] === true })
    const { password, revokedKeys } = done
    console.log(`${address} is an administrator. ${password ? `Password, shown this once: ${password}` : KEPT}`)
    if (revokedKeys > 0) console.log(describeRevoked(revokedKeys))
  } finally {
    await connection.close()
  }
})

/**
 * This command has no connection to Redis, so it cannot invalidate the cached keys. Isolates see the change when their
 * cached rows reach the maximum age.
 */
function describeRevoked(keys: number): string {
  return `${keys === 1 ? 'One API key was' : `${keys} API keys were`} revoked. Running Workers refuse revoked keys within 25 seconds.`
}
