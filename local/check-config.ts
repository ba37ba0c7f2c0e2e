import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { reportConfig, type SettingFault } from '../src/config-report.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'

const HELP = `Usage: npm run check-config [-- --file .dev.vars] [--config wrangler.toml]

Says by name what is missing, wrong, impossible or suspicious in the settings of a deployment: [vars] of wrangler.toml, then the
file of --file, then the environment, each over the one before. Values are never printed. It ends with 1 if a setting stops
something. Secrets that are only at Cloudflare cannot be read: give them as the file or in the environment.`

const STOPS: Readonly<Record<string, string>> = {
  everything: 'nothing works without it',
  management: 'everything but verification is off',
}

await command(async function checkConfig() {
  const { values } = readArguments({ file: { type: 'string' }, config: { type: 'string' } })
  if (values.help) return console.log(HELP)
  const env = {
    ...readVars(await readFile(values.config ?? new URL('../wrangler.toml', import.meta.url), 'utf8')),
    ...(values.file && parseEnv(await readFile(values.file, 'utf8'))),
    ...process.env,
  }
  const { faults, notices } = silently(() => reportConfig(env))
  for (const fault of faults) print(describe(fault))
  for (const { variable, reason } of notices) print(`${variable} ${reason}${reason.endsWith('?') ? '' : '.'}`)
  print(`${faults.length} wrong, ${notices.length} suspicious.`)
  if (faults.length > 0) process.exitCode = 1
})

/** `NAME = "value"` below `[vars]`. */
function readVars(toml: string): Record<string, string> {
  const section = /^\[vars\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(toml)?.[1] ?? ''
  const pairs = section.matchAll(/^([A-Z_]+) = "([^"]*)"/gm)
  return Object.fromEntries([...pairs].map(([, name = '', value = '']) => [name, value]))
}

function describe({ variable, reason, stops }: SettingFault): string {
  return `${variable} ${reason}; ${STOPS[stops] ?? `${stops} is off`}.`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** The checks log what they find as a deployment does; here it is printed instead. */
function silently<Result>(work: () => Result): Result {
  const { error, warn } = console
  console.error = console.warn = () => undefined
  try {
    return work()
  } finally {
    Object.assign(console, { error, warn })
  }
}
