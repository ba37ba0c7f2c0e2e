/** Names that other systems give to a setting: taken for Tollgate's own where that is unset. Nothing here quotes a value. */
import type { ConfigNotice } from './config-checks.ts'

const ALIASES: readonly Alias[] = [
  { alias: 'POSTGRES_URL', name: 'DATABASE_URL', instead: [] },
  { alias: 'JWT_SECRET', name: 'JWT_SECRET_KEY', instead: ['JWT_KEYS'] },
]

interface Alias {
  readonly alias: string
  readonly name: string
  /** Settings that take the place of `name`: beside one of them it stays unset. */
  readonly instead: readonly string[]
}

export const ALIAS_NAMES: readonly string[] = ALIASES.map(({ alias }) => alias)

/** An empty variable counts as unset. */
const isGiven = (env: object, name: string) => !['', undefined, null].includes(Reflect.get(env, name))

/** The settings that decide: the own name, or what is given instead of it. */
const findOwn = (env: object, { name, instead }: Alias) => [name, ...instead].filter((one) => isGiven(env, one))

const isTaken = (env: object, alias: Alias) => isGiven(env, alias.alias) && findOwn(env, alias).length === 0

/** The environment with each alias under Tollgate's own name. */
export function withAliases(env: object): object {
  const taken = ALIASES.filter((alias) => isTaken(env, alias))
  return { ...env, ...Object.fromEntries(taken.map(({ alias, name }) => [name, Reflect.get(env, alias)])) }
}

/**
 * With SECRET_KEYS its first secret takes the place of SECRET_KEY, which then only opens, as the last one: a rotation begins
 * by setting SECRET_KEYS, with SECRET_KEY still there.
 */
export function withSecretKeys(env: object): object {
  if (!isGiven(env, 'SECRET_KEYS')) return env
  const [keys, former] = [Reflect.get(env, 'SECRET_KEYS'), Reflect.get(env, 'SECRET_KEY')]
  const all = [keys, former].flatMap((text) => (typeof text === 'string' ? text.split(',') : []))
  const secrets = [...new Set(all.map((one) => one.trim()).filter(Boolean))]
  return { ...env, SECRET_KEY: secrets[0], SECRET_KEYS: secrets.join(',') }
}

/** The name under which the environment gives a setting. */
export function givenName(env: object, name: string): string {
  if (name === 'SECRET_KEY' && isGiven(env, 'SECRET_KEYS')) return 'SECRET_KEYS'
  return ALIASES.find((alias) => alias.name === name && isTaken(env, alias))?.alias ?? name
}

/** Aliases that are ignored although they say something else than what decides. */
export function findIgnoredAliases(env: object): ConfigNotice[] {
  return ALIASES.filter(({ alias }) => isGiven(env, alias)).flatMap((one) => {
    const differing = findOwn(env, one).find((name) => Reflect.get(env, name) !== Reflect.get(env, one.alias))
    return differing ? [{ variable: one.alias, reason: `is ignored: ${differing} is set, and differs` }] : []
  })
}
