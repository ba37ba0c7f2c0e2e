import { isIP } from 'node:net'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { ALIAS_NAMES, givenName, withAliases } from '../../src/config-aliases.ts'
import { findFeature } from '../../src/config-features.ts'
import { isRange } from '../../src/lib/cidr.ts'
import { Problem } from '../../src/problems.ts'
import { REPLICA, redisPath } from '../stack/fronts.ts'
import { readAddress, readCount, readShardAddresses } from '../support/settings.ts'
import type { Trust } from './worker/client-address.ts'

/** Variables that `npm start` creates for the Worker from DATABASE_URL and REDIS_URL. */
export const OF_STORES: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'DATABASE_REPLICA_URL',
  'NEON_FETCH_ENDPOINT',
  'UPSTASH_REDIS_REST_URL',
  'UPSTASH_REDIS_REST_TOKEN',
  'REDIS_SHARDS',
])

/** Variables that it reads itself, besides the addresses of the stores. */
export const OF_START: ReadonlySet<string> = new Set([
  'REDIS_URL',
  'REDIS_SHARD_URLS',
  'HOST',
  'PORT',
  'TRUSTED_PROXIES',
  'CLIENT_ADDRESS_HEADER',
  'DATABASE_CONNECTIONS',
  'STOP_TIMEOUT_SECONDS',
  'ALLOW_PRIVATE_NETWORK',
])

export interface Settings {
  readonly databaseUrl: string
  /** The address of a read replica, if there is one. */
  readonly replicaUrl: string | undefined
  readonly redisUrl: string
  /** The addresses of more Redis databases, each with a share of the organizations. */
  readonly redisShardUrls: readonly string[]
  readonly host: string
  readonly port: number
  /** Maximum of connections to Postgres. */
  readonly connections: number
  /** Postgres itself cancels a statement after this: a little later than the Worker gives up. */
  readonly statementMs: number
  readonly stopMs: number
  readonly trust: Trust
  /** Whether the Worker may call addresses that are not public. */
  readonly isPrivateAllowed: boolean
  /** The Worker's own settings, without those of its stores. */
  readonly worker: Readonly<Record<string, string>>
}

/** A setting that is missing or wrong, without its value. */
export interface Fault {
  readonly variable: string
  readonly reason: string
}

/** A placeholder for a setting that could not be read; never used, since a fault prevents the start. */
const NONE = ''

/** @returns the settings of the environment, or everything that is wrong with them */
export function readSettings(env: NodeJS.ProcessEnv): Settings | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = []
  const read = <T>(variable: string, otherwise: T, parse: () => T): T => {
    try {
      return parse()
    } catch (error) {
      faults.push({ variable, reason: error instanceof Error ? error.message : String(error) })
      return otherwise
    }
  }
  const address = (name: 'DATABASE_URL' | 'REDIS_URL') =>
    read(name, NONE, () => readAddress(env, name) ?? fail('It is missing.'))
  const count = (name: string, most: number, otherwise: number) =>
    read(name, otherwise, () => atMost(most, readWhole(env, name, otherwise)))
  const worker = pick(env)
  const settings = {
    databaseUrl: address('DATABASE_URL'),
    replicaUrl: read('DATABASE_REPLICA_URL', undefined, () => readAddress(env, 'DATABASE_REPLICA_URL')),
    redisUrl: address('REDIS_URL'),
    redisShardUrls: read('REDIS_SHARD_URLS', [], () => readShardAddresses(env)),
    host: read('HOST', NONE, () => readHost(env.HOST)),
    port: count('PORT', 65_535, 8_000),
    connections: count('DATABASE_CONNECTIONS', 500, 20),
    statementMs: (Number(worker.DATABASE_TIMEOUT_MS) || 5_000) + 1_000,
    stopMs: 1_000 * count('STOP_TIMEOUT_SECONDS', 600, 30),
    trust: {
      proxies: read('TRUSTED_PROXIES', [], () => readRanges(env.TRUSTED_PROXIES)),
      header: read('CLIENT_ADDRESS_HEADER', NONE, () => readHeader(env.CLIENT_ADDRESS_HEADER)),
    },
    isPrivateAllowed: read('ALLOW_PRIVATE_NETWORK', false, () => readFlag(env.ALLOW_PRIVATE_NETWORK)),
    worker,
  }
  const all = [...faults, ...findWorkerFaults(env, worker)]
  return all.length > 0 ? { faults: all } : settings
}

/** What is passed to the Worker: its own settings and their other names. */
function pick(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = [...Object.keys(SETTINGS), ...ALIAS_NAMES].filter((name) => !OF_STORES.has(name))
  const given = names.map((name) => [name, env[name]] as const)
  const entries = given.filter((entry): entry is readonly [string, string] => Boolean(entry[1]?.trim()))
  return Object.fromEntries(entries.filter(([name]) => name !== 'POSTGRES_URL')) // readAddress has used it
}

export const withStores = (worker: Readonly<Record<string, string>>, { host, secret, hasReplica, shards }: Stores) => ({
  ...worker,
  DATABASE_URL: `postgresql://tollgate:${secret}@${host}/tollgate`,
  ...(hasReplica && { DATABASE_REPLICA_URL: `postgresql://tollgate:${secret}@${host}/${REPLICA}` }),
  NEON_FETCH_ENDPOINT: `https://${host}/sql`,
  UPSTASH_REDIS_REST_URL: `https://${host}/redis`,
  UPSTASH_REDIS_REST_TOKEN: secret,
  REDIS_SHARDS: JSON.stringify(
    Array.from({ length: shards }, (_, at) => ({ url: `https://${host}${redisPath(at + 1)}`, token: secret })),
  ),
})

interface Stores {
  readonly host: string
  readonly secret: string
  readonly hasReplica: boolean
  /** How many Redis databases there are besides the first. */
  readonly shards: number
}

/** With placeholder stores, so that faults found are about something else. */
export const withAnyStores = (worker: Readonly<Record<string, string>>) =>
  withStores(worker, { host: 'stores.internal', secret: 'secret', hasReplica: false, shards: 0 })

function findWorkerFaults(env: NodeJS.ProcessEnv, worker: Readonly<Record<string, string>>): Fault[] {
  const complete = withAnyStores(worker)
  const malformed = explain(env, complete)
  try {
    const { faults } = readConfig(complete)
    const known = new Set(malformed.map(({ variable }) => variable))
    if (known.has('JWT_SECRET_KEY')) known.add('JWT_KEYS') // one of the two is missing: told once
    return [...malformed, ...faults.filter((one) => one.feature === 'management' && !known.has(one.variable))]
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return malformed
  }
}

/** Checks each setting that nothing works without by itself, for the reason that the Worker's own message leaves out. zod quotes no value. */
function explain(env: NodeJS.ProcessEnv, complete: object): Fault[] {
  const settings = withAliases(complete)
  const needed = Object.entries(SETTINGS).filter(([name]) => ['everything', 'management'].includes(findFeature(name)))
  const faults = needed.flatMap(([name, schema]): Fault[] => {
    const value = Reflect.get(settings, name)
    const result = schema.safeParse(value)
    if (result.success) return []
    const reason = value === undefined ? 'It is missing.' : (result.error.issues[0]?.message ?? 'It is wrong.')
    return [{ variable: givenName(env, name), reason }]
  })
  const isSigned = ['JWT_KEYS', 'JWT_SECRET_KEY'].some((name) => Reflect.get(settings, name) !== undefined)
  return isSigned ? faults : [...faults, { variable: 'JWT_SECRET_KEY', reason: 'It is missing, and JWT_KEYS as well.' }]
}

function readWhole(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  try {
    return readCount(name, env[name], otherwise)
  } catch {
    return fail('It must be a whole number above zero.') // the other message quotes the value
  }
}

function readRanges(text = ''): string[] {
  const ranges = text.split(/[\s,]+/).filter(Boolean)
  if (!ranges.every(isRange)) fail('It must be addresses or CIDR blocks, separated by commas, such as 10.0.0.0/8.')
  if (ranges.some((range) => /\/0+$/.test(range)))
    fail('It must not be every address: each client would then choose its own.')
  return ranges
}

function readHost(text = ''): string {
  const host = text.trim() || '127.0.0.1'
  if (isIP(host) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host))
    fail('It must be an address of this machine or a host name, such as 0.0.0.0.')
  return host
}

function readHeader(text = ''): string {
  const name = text.trim() || 'X-Forwarded-For'
  if (!/^[\w-]+$/.test(name)) fail('It must be the name of a header.')
  return name
}

function readFlag(text = ''): boolean {
  const word = text.trim() || 'false'
  if (word !== 'true' && word !== 'false') fail('It must be true or false.')
  return word === 'true'
}

function atMost(most: number, value: number): number {
  return value <= most ? value : fail(`It must be at most ${most}.`)
}

function fail(message: string): never {
  throw new Error(message)
}
