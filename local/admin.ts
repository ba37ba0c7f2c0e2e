import * as z from 'zod'
import { ormOver } from '../src/db/orm.ts'
import { command } from './command.ts'
import { connect } from './connect.ts'
import { ensureOwner, ensureUser, seedFoundation } from './seed-data.ts'

const HELP = `Usage: npm run admin -- --email you@example.com

Makes an administrator of this deployment: a user, known or new, who owns the platform organization. Prints the new
password once; change it after the first login. DATABASE_URL names the database.`

await command(async function admin() {
  const email = process.argv[process.argv.indexOf('--email') + 1]
  if (process.argv.includes('--help') || !process.argv.includes('--email')) return console.log(HELP)
  if (!z.email().safeParse(email).success) throw new Error(`--email: ${email ?? 'nothing'} is not an e-mail address.`)
  const connection = await connect(process.env)
  try {
    const db = ormOver(connection.sql)
    const { platformId } = await seedFoundation(connection.sql)
    const { id, login } = await ensureUser(db, String(email).toLowerCase())
    await ensureOwner(db, platformId, id)
    console.log(`${login.email} is an administrator. Password, shown this once: ${login.password}`)
  } finally {
    await connection.close()
  }
})
