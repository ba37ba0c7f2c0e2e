/** `npm run keep-release`: see HELP. */
import { writeFile } from 'node:fs/promises'
import { VERSION } from '../src/version.ts'
import { captureStatements } from './deployment/release-statements.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const HELP = `Usage: npm run keep-release

Writes down how this version reads a key and writes usage, into test/node/deployment/last-release.json. Run it when a version is
released, and at no other time: until the next one a test runs both against every newer schema (docs/operate/releases.md).`

await command(async function keepRelease() {
  if (readArguments({}).values.help) return console.log(HELP)
  const file = new URL('../test/node/deployment/last-release.json', import.meta.url)
  await writeFile(file, `${JSON.stringify(await captureStatements(VERSION), null, 2)}\n`)
  console.log(`Version ${VERSION} is kept.`)
})
