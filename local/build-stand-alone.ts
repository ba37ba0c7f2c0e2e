/** Builds what `npm start` runs, into dist-stand-alone/. `npm start` does this itself if that folder is missing or old. */
import { ensureBuild } from './stand-alone/build.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const HELP = `Usage: npm run build:stand-alone

Builds the Worker, the dashboard and the documentation for npm start, into dist-stand-alone/.`

await command(async function buildStandAlone() {
  if (readArguments({}).values.help) return console.log(HELP)
  await ensureBuild(() => console.log('Building …'))
})
