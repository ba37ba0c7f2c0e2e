import { givenName, withAliases } from '../../src/config-aliases.ts'

/**
 * A whole number above zero from a script's options or the environment.
 *
 * @throws Error that names the setting and quotes its value, if it is anything else
 */
export function readCount(name: string, text: string | undefined, otherwise: number): number {
  if (!text?.trim()) return otherwise
  if (!/^\d+$/.test(text.trim()) || Number(text) < 1)
    throw new Error(`${name}=${text} is not a whole number above zero.`)
  return Number(text)
}

/** Schemes by variable, with the form of an address. */
const FORMS = {
  DATABASE_URL: [/^postgres(ql)?:$/, 'postgresql://user:password@host/name'],
  DATABASE_REPLICA_URL: [/^postgres(ql)?:$/, 'postgresql://user:password@host/name'],
  REDIS_URL: [/^rediss?:$/, 'redis://host:6379'],
} as const

/**
 * Postgres would take another database than was meant, where the address names none; Redis numbers its databases, and ignores a
 * name.
 */
function isAddress(name: keyof typeof FORMS, value: string): boolean {
  const [scheme] = FORMS[name]
  const url = URL.parse(value)
  if (!url?.hostname || !scheme.test(url.protocol)) return false
  return name === 'REDIS_URL' ? /^\/?\d*$/.test(url.pathname) : url.pathname.length > 1
}

/**
 * A store's address from the environment. An empty variable counts as unset; then another system's name for it is used.
 *
 * @throws Error that names the variable and the form of an address, never the value: it may contain a password
 */
export function readAddress(env: NodeJS.ProcessEnv, name: keyof typeof FORMS): string | undefined {
  const given = withAliases(env) as NodeJS.ProcessEnv
  const value = given[name]?.trim()
  if (!value) return undefined
  const [, form] = FORMS[name]
  if (isAddress(name, value)) return value
  throw new Error(`${givenName(env, name)} is not an address of that store: it must look like ${form}.`)
}

/**
 * The addresses of more Redis databases, separated by commas: `REDIS_SHARD_URLS`. None without it.
 *
 * @throws Error that says which one is not an address or is duplicated, never the value
 */
export function readShardAddresses(env: NodeJS.ProcessEnv): string[] {
  const given = (env.REDIS_SHARD_URLS ?? '').split(',').map((text) => text.trim())
  const addresses = given.filter((text) => text !== '')
  const known = new Set([env.REDIS_URL?.trim()])
  for (const [at, address] of addresses.entries()) {
    const [, form] = FORMS.REDIS_URL
    if (!isAddress('REDIS_URL', address))
      throw new Error(`Address ${at + 1} of REDIS_SHARD_URLS must look like ${form}.`)
    if (known.has(address))
      throw new Error(`Address ${at + 1} of REDIS_SHARD_URLS is there twice, or that of REDIS_URL.`)
    known.add(address)
  }
  return addresses
}
