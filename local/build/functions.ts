/** `npm run build:functions`: see HELP. */
import { createFunctions } from '../../src/metering/functions/definitions.ts'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'

const HELP = `Usage: npm run --silent build:functions

Prints the SQL that creates the functions by which usage is written, for a migration. A changed statement needs a new number
in src/metering/functions/names.ts: the release before calls the former one until it is gone.`

await command(async function buildFunctions() {
  console.log(readArguments({}).values.help ? HELP : createFunctions())
})
