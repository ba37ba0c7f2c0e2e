import { type ParseArgsConfig, parseArgs } from 'node:util'
import { findNearestName } from '../../src/lib/nearest-name.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Reads a script's options and arguments. Every script knows `--help`.
 *
 * @param mostArguments how many arguments beside the options the script takes
 * @throws Error that names an unknown option with the nearest known one, a missing value, or an argument too many
 */
export function readArguments<Known extends Options>(options: Known, mostArguments = 0) {
  const known = { ...options, help: { type: 'boolean' } } as const
  for (const argument of process.argv.slice(2)) {
    const name = /^--([^=]+)/.exec(argument)?.[1]
    if (name === undefined || Object.hasOwn(known, name)) continue
    const near = findNearestName(name, Object.keys(known))
    throw new Error(`Unknown option --${name}${near ? `; did you mean --${near}?` : '.'} Try --help.`)
  }
  const { values, positionals } = parseArgs({ options: known, allowPositionals: true })
  const extra = positionals[mostArguments]
  if (extra !== undefined) throw new Error(`Unknown argument ${extra}. Try --help.`)
  return { values, positionals }
}
