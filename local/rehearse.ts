import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REHEARSALS } from './rehearse/rehearsals.ts'
import { openWorld } from './rehearse/world.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { startDevServer } from './support/dev-server.ts'
import { readCount } from './support/settings.ts'

const NAMES = Object.keys(REHEARSALS)
const HELP = `Usage: npm run rehearse -- [NAME …] [--rows 2000]

Rehearses sections of docs/operate/runbooks.md on a server that it starts for itself, with embedded stores: makes the trouble, runs
the commands of the section, and checks what came of it. Without a name, all of them:
  ${NAMES.join('\n  ')}
--rows says how many rows of overage the end of the month has.`

await command(async function rehearse() {
  const { positionals, values } = readArguments({ rows: { type: 'string' } }, NAMES.length)
  if (values.help) return console.log(HELP)
  const unknown = positionals.find((name) => !Object.hasOwn(REHEARSALS, name))
  if (unknown !== undefined) throw new Error(`There is no rehearsal ${unknown}; there are ${NAMES.join(', ')}.`)
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-rehearsal-'))
  try {
    const server = await startDevServer(folder)
    try {
      const world = await openWorld(server, folder, readCount('--rows', values.rows, 2_000))
      for (const name of positionals.length > 0 ? positionals : NAMES) {
        await REHEARSALS[name]?.(world)
        console.log(`${name}: came out right`)
      }
    } finally {
      await server.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
