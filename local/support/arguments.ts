import { type ParseArgsConfig, parseArgs } from 'node:util'
import { findNearestName } from '../../src/lib/nearest-name.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Reads a script's options and arguments. Every script accepts `--help`.
 *
 * @param mostArguments how many arguments besides the options the script takes
 * @throws Error that names an unknown option with the nearest known one, a missing value, an argument too many, or an option that npm
 *   took for itself
 */
export function readArguments<Known extends Options>(options: Known, mostArguments = 0) {
  const known = { ...options, help: { type: 'boolean' } } as const
  for (const argument of process.argv.slice(2)) {
    const name = /^--([^=]+)/.exec(argument)?.[1]
    if (name === undefined || Object.hasOwn(known, name)) continue
    const near = findNearestName(name, Object.keys(known))
    throw new Error(`Unknown option --${name}${near ? `; did you mean --${near}?` : '.'} Try --help.`)
  }
  requireOwnOptions(options)
  const { values, positionals } = parseArgs({ options: known, allowPositionals: true })
  const extra = positionals[mostArguments]
  if (extra !== undefined) throw new Error(`Unknown argument ${extra}. Try --help.`)
  return { values, positionals }
}

/**
 * `npm run x --flag` gives the flag to npm, which leaves it in the environment and out of the arguments. It is refused and not taken:
 * the same variable may come from the settings of npm itself, such as `email`.
 */
function requireOwnOptions(options: Options): void {
  const isGiven = (name: string) => process.argv.some((one) => one === `--${name}` || one.startsWith(`--${name}=`))
  const taken = Object.keys(options).filter((name) => {
    const value = process.env[`npm_config_${name.replaceAll('-', '_')}`]
    return value && value !== 'false' && !isGiven(name)
  })
  if (taken.length === 0) return
  const script = process.env.npm_lifecycle_event ?? 'x'
  const written = taken.map((name) => `--${name}${options[name]?.type === 'string' ? ' …' : ''}`)
  throw new Error(
    `npm took ${taken.map((name) => `--${name}`).join(' and ')} for itself. Write two dashes first: npm run ${script} -- ${written.join(' ')}`,
  )
}
