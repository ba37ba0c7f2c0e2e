import { readSecrets } from '../src/config.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'
import { reseal } from './support/reseal.ts'
import { readCount } from './support/settings.ts'

const HELP = `Usage: npm run reseal [-- --batch 200]

Seals again, under the first of SECRET_KEYS, what the database holds sealed: secrets of authenticator apps and of webhook
endpoints, and secret headers of the gateway's routes. It can be ended and run again, while the deployment works.
Afterwards the other secrets are needed only for answers kept for repeated requests, for a day. DATABASE_URL names the
database; SECRET_KEYS, and SECRET_KEY if it is set, are those of the deployment (docs/operate/secrets.md).`

await command(async function resealAll() {
  const { values } = readArguments({ batch: { type: 'string' } })
  if (values.help) return console.log(HELP)
  const secrets = readSecrets(process.env)
  const connection = await connect(process.env)
  try {
    const done = await reseal({
      sql: connection.sql,
      secrets,
      batchRows: readCount('--batch', values.batch, 200),
      tell: ({ place, looked, resealed }) => console.log(`${place}: ${looked} looked at, ${resealed} sealed again`),
    })
    const closed = done.flatMap(({ place, closed: ids }) => ids.map((id) => `${place} of ${id}`))
    if (closed.length > 0) throw new Error(`No secret opens ${closed.join(', ')}.`)
  } finally {
    await connection.close()
  }
})
