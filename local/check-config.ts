import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { reportConfig, type SettingFault } from '../src/config-report.ts'
import { readVars } from './deployment/wrangler-vars.ts'
import { isForStart, reportStart } from './stand-alone/report.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { silently } from './support/silently.ts'

const HELP = `Usage: npm run check-config [-- --file .dev.vars] [--config wrangler.toml]

Says by name what is missing, wrong, impossible or suspicious in the settings of a deployment: [vars] of wrangler.toml, then the
file of --file, then the environment, each over the one before. Values are never printed. It ends with 1 if a setting stops
something. Secrets that are only at Cloudflare cannot be read: give them as the file or in the environment.

With REDIS_URL in place of UPSTASH_REDIS_REST_URL, or without a wrangler.toml, it checks the settings of npm start, which come from the file and
the environment alone.`

const STOPS: Readonly<Record<string, string>> = {
  everything: 'nothing works without it',
  management: 'everything but verification is off',
}

await command(async function checkConfig() {
  const { values } = readArguments({ file: { type: 'string' }, config: { type: 'string' } })
  if (values.help) return console.log(HELP)
  const given = { ...(values.file && parseEnv(await readFile(values.file, 'utf8'))), ...process.env }
  const vars = isForStart(given) ? undefined : await findVars(values.config)
  const { refused, faults, notices } = silently(() =>
    vars ? { ...reportConfig({ ...vars, ...given }), refused: [] } : reportStart(given),
  )
  for (const { variable, reason } of refused) print(`${variable}: ${reason} npm start refuses it.`)
  for (const fault of faults) print(describe(fault))
  for (const { variable, reason } of notices) print(`${variable} ${reason}${reason.endsWith('?') ? '' : '.'}`)
  const wrong = refused.length + faults.length
  print(`${wrong} wrong, ${notices.length} suspicious.`)
  if (wrong > 0) process.exitCode = 1
})

/** @returns undefined if there is no wrangler.toml, as in an image: nothing is deployed to Cloudflare from there */
async function findVars(config: string | undefined): Promise<object | undefined> {
  try {
    return await readVars(config ?? new URL('../wrangler.toml', import.meta.url))
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (isMissing && config === undefined) return undefined
    throw error
  }
}

function describe({ variable, reason, stops }: SettingFault): string {
  return `${variable} ${reason}; ${STOPS[stops] ?? `${stops} is off`}.`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
