import { readSecrets } from '../src/config.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'
import { endAllApplications } from './support/end-applications.ts'
import { reseal } from './support/reseal.ts'
import { readCount } from './support/settings.ts'

const HELP = `Usage: npm run reseal [-- --batch 200] [--end-applications]

Encrypts stored secrets again, under the first of SECRET_KEYS: those of authenticator apps and webhook endpoints, and secret
headers of the gateway's routes. The deployment keeps running, and you can stop the command and run it again.
Afterwards the older secrets are needed only for a day, to read stored responses to repeated requests, and for applications that have
not renewed their tokens since.

--end-applications encrypts nothing. Instead it ends the access of every application, because anyone with a leaked secret and a copy of
the database can compute the applications' tokens. Users must then authorize their applications again.

DATABASE_URL names the database. SECRET_KEYS, and SECRET_KEY if it is set, must be those of the deployment (docs/operate/secrets.md).`

await command(async function resealAll() {
  const { values } = readArguments({ batch: { type: 'string' }, 'end-applications': { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  const batchRows = readCount('--batch', values.batch, 200)
  const connection = await connect(process.env)
  try {
    if (values['end-applications']) {
      const ended = await endAllApplications(connection.sql, batchRows)
      return console.log(`applications: ${ended} ended`)
    }
    const secrets = readSecrets(process.env)
    const done = await reseal({
      sql: connection.sql,
      secrets,
      batchRows,
      tell: ({ place, looked, resealed }) => console.log(`${place}: ${looked} looked at, ${resealed} sealed again`),
    })
    const closed = done.flatMap(({ place, closed: ids }) => ids.map((id) => `${place} of ${id}`))
    if (closed.length > 0) throw new Error(`No secret opens ${closed.join(', ')}.`)
  } finally {
    await connection.close()
  }
})
