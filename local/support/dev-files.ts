import { readFile, writeFile } from 'node:fs/promises'
import type { Credentials, DemoLogin } from './seed-data.ts'

/** The folder's files: `credentials.json` for people and their scripts, `dev.vars` for the Worker. */
const CREDENTIALS = 'credentials.json'
const VARIABLES = 'dev.vars'

export interface DevCredentials extends Credentials {
  base_url: string
  local_url: string
  /** The owners of the demo's customers, if the demo was requested. */
  demo?: readonly DemoLogin[]
}

/** @returns what an earlier start wrote; empty if there was none or the file is damaged */
export async function readCredentials(folder: string): Promise<Partial<DevCredentials>> {
  try {
    return JSON.parse(await readFile(`${folder}/${CREDENTIALS}`, 'utf8'))
  } catch {
    return {}
  }
}

export async function writeCredentials(folder: string, credentials: DevCredentials): Promise<void> {
  await writeFile(`${folder}/${CREDENTIALS}`, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
}

/** The Worker's variables that must stay the same across starts, or everybody would be signed out. */
export async function devVariables(folder: string, port: number) {
  const known = await readVariables(folder)
  const kept = (name: string) =>
    known.get(name) ?? Buffer.from(crypto.getRandomValues(new Uint8Array(36))).toString('base64url')
  return {
    PUBLIC_URL: `http://localhost:${port}`,
    JWT_SECRET_KEY: kept('JWT_SECRET_KEY'),
    SECRET_KEY: kept('SECRET_KEY'),
    UPSTASH_REDIS_REST_TOKEN: kept('UPSTASH_REDIS_REST_TOKEN'),
    POLAR_ACCESS_TOKEN: kept('POLAR_ACCESS_TOKEN'),
    POLAR_WEBHOOK_SECRET: kept('POLAR_WEBHOOK_SECRET'),
    STRIPE_SECRET_KEY: kept('STRIPE_SECRET_KEY'),
    STRIPE_WEBHOOK_SECRET: kept('STRIPE_WEBHOOK_SECRET'),
  }
}

const OF_ENVIRONMENT = [
  'BRAND_NAME',
  'BRAND_COLOR',
  'BRAND_LOGO_URL',
  'EMAIL_SIGN_IN',
  'EMAIL_VERIFICATION',
  'TURNSTILE_SITE_KEY',
  'TURNSTILE_SECRET_KEY',
] as const

/** Settings that a start inherits from its environment: the look of the customer portal, and how people register and sign in. */
export function inheritedVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  const given = OF_ENVIRONMENT.map((name) => [name, environment[name]?.trim()] as const)
  return Object.fromEntries(given.filter((entry): entry is readonly [(typeof entry)[0], string] => Boolean(entry[1])))
}

export async function writeVariables(folder: string, variables: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`)
  await writeFile(`${folder}/${VARIABLES}`, lines.join(''), { mode: 0o600 })
}

/** wrangler takes text in single quotes literally: JSON contains double quotes. */
const quote = (value: string) => (value.includes('"') ? `'${value}'` : JSON.stringify(value))

export async function readVariables(folder: string): Promise<Map<string, string>> {
  const text = await readFile(`${folder}/${VARIABLES}`, 'utf8').catch(() => '')
  return new Map([...text.matchAll(/^(\w+)="(.*)"$/gm)].map((match) => [match[1] as string, match[2] as string]))
}
