/** Which secrets `npm run setup` gives to a deployment. Nothing here quotes a value. */
import { randomBytes } from 'node:crypto'

/** A secret that is made where there is none, and the list that takes its place once it is rotated. */
const MADE = [
  { name: 'SECRET_KEY', list: 'SECRET_KEYS', doBothWork: true },
  { name: 'JWT_SECRET_KEY', list: 'JWT_KEYS', doBothWork: false },
] as const

/** What stands for the secrets that would be made, to check the rest with. */
export function withExamples(env: NodeJS.ProcessEnv): Record<string, string> {
  return choose(env, new Set(), (name) => name.padEnd(32, '-'))
}

/**
 * Secrets that are left out stay as they are: a rotation that somebody began is theirs to end.
 *
 * @param there the names of what the deployment has
 * @throws Error that names what would undo a rotation, or stand beside what takes its place
 */
export function chooseSecrets(env: NodeJS.ProcessEnv, there: ReadonlySet<string>): Record<string, string> {
  return choose(env, there, () => randomBytes(36).toString('base64url'))
}

function choose(env: NodeJS.ProcessEnv, there: ReadonlySet<string>, make: (name: string) => string) {
  for (const pair of MADE) requireFit(env, there, pair)
  const given = MADE.flatMap(({ name, list }) => [name, list]).flatMap((name) => {
    const value = env[name]
    return value ? [[name, value] as const] : []
  })
  const made = MADE.filter(({ name, list }) => ![name, list].some((one) => env[one] || there.has(one)))
  return Object.fromEntries([...given, ...made.map(({ name }) => [name, make(name)] as const)])
}

function requireFit(env: NodeJS.ProcessEnv, there: ReadonlySet<string>, { name, list, doBothWork }: Pair): void {
  const [isOwn, isList] = [Boolean(env[name]), Boolean(env[list])]
  if (isOwn && !isList && there.has(list))
    throw new Error(`${name} is given, but the deployment has ${list}, which takes its place. Leave ${name} out.`)
  if (isList && !isOwn && !doBothWork && there.has(name))
    throw new Error(`${list} is given, but the deployment has ${name}. First: npx wrangler secret delete ${name}`)
}

type Pair = (typeof MADE)[number]
