import { env, exports } from 'cloudflare:workers'
import { inject } from 'vitest'
import { newAccount } from '../../src/accounts/new-account.ts'
import { hashPassword } from '../../src/accounts/passwords/hash.ts'
import { insertUser } from '../../src/accounts/queries.ts'
import { openSession } from '../../src/accounts/sessions/open.ts'
import { createDeps } from '../../src/create-deps.ts'
import { managementDeps } from './management.ts'

/** A call of the Worker over HTTP, and its parsed answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of a body by looking at it
  readonly body: any
}

interface Call {
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Record<string, string>
  /** The caller's address, as the edge would report it; a random one if absent, so that limits do not collide. */
  readonly ip?: string
}

/** Sends a request as `METHOD /path` to the Worker under test. An object becomes JSON, a string is sent as it is. */
export async function call(line: string, { body, token, headers = {}, ip = randomIp() }: Call = {}): Promise<Answer> {
  const [method = 'GET', path = '/'] = line.split(' ')
  const response = await exports.default.fetch(`https://tollgate.test${path}`, {
    method,
    redirect: 'manual',
    headers: {
      'CF-Connecting-IP': ip,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(token && { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: parsed(await response.text()) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export function randomIp(): string {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3))
  return `10.${a}.${b}.${c}`
}

let people = 0

function newCredentials() {
  const email = `person-${Date.now()}-${people++}-${randomIp()}@example.com`
  return { email, password: 'correct horse battery' }
}

/** A user who registered and signed in over the API: their credentials, and a valid token. */
export async function registeredUser(fields: Record<string, unknown> = {}) {
  const credentials = newCredentials()
  const registered = await call('POST /api/v1/auth/register', { body: { ...credentials, ...fields } })
  const { body: tokens } = await call('POST /api/v1/auth/login', { body: credentials })
  return {
    ...credentials,
    user: registered.body,
    token: tokens.access_token as string,
    refreshToken: tokens.refresh_token as string,
  }
}

const hashes = new Map<string, Promise<string>>()

/** Users whose password is never needed may share its hash. */
function hashOnce(password: string): Promise<string> {
  const hash = hashes.get(password) ?? hashPassword(password)
  hashes.set(password, hash)
  return hash
}

/** The same user without the sign-in: for tests of something else. */
export async function newUser(fields: { name?: string; organization?: string } = {}) {
  const credentials = newCredentials()
  const passwordHash = await hashOnce(credentials.password)
  const deps = managementDeps(createDeps(env, { waitUntil: () => undefined }), randomIp())
  const account = newAccount({ email: credentials.email, passwordHash, ...fields }, Date.now())
  await insertUser(deps.db, account)
  const tokens = await openSession(deps, account.user.id, { factors: ['password'], passwordHash })
  const { body: user } = await call('GET /api/v1/auth/me', { token: tokens.access_token })
  return { ...credentials, user, token: tokens.access_token, refreshToken: tokens.refresh_token }
}

let admin: Promise<string> | undefined

/** The administrator of the seed, with one session for all tests of a file. */
export function administrator(): Promise<string> {
  admin ??= openFor(inject('credentials').admin.email)
  return admin
}

async function openFor(email: string): Promise<string> {
  const deps = managementDeps(createDeps(env, { waitUntil: () => undefined }), randomIp())
  const [user] = await deps.sql.query('select id from users where email = $1', [email])
  return (await openSession(deps, user?.id as string, { factors: ['password'] })).access_token
}

/** Requests a verdict as a service of the operator would. */
export function verify(key: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return call('POST /api/v1/keys/verify', { token: inject('credentials').service_key, body: { key, ...more } })
}

/** An organization with a key, and an owner who issued it. */
export async function newKeyHolder(fields: Record<string, unknown> = {}, by?: Awaited<ReturnType<typeof newUser>>) {
  const owner = by ?? (await newUser())
  const { body } = await call('POST /api/v1/auth/api-keys', {
    token: owner.token,
    body: { name: 'Key of a test', ...fields },
  })
  return {
    ...owner,
    organizationId: owner.user.organization_id as string,
    keyId: body.id as string,
    key: body.key as string,
  }
}

/** Sets an organization's own limits, as an administrator. */
export async function setLimits(
  organizationId: string,
  limits: Record<string, number | string | null | readonly object[] | Record<string, number | null>>,
): Promise<Answer> {
  return call(`PUT /api/v1/admin/organizations/${organizationId}/quotas`, {
    token: await administrator(),
    body: limits,
  })
}

/** Continues where a test has stopped the clock. */
const realNow = Date.now.bind(Date)

/** Waits until a condition holds; the interval is how often it is checked, not how long it takes. */
export async function eventually<T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  withinMs = 25_000,
): Promise<T> {
  const end = realNow() + withinMs
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (realNow() > end) throw new Error(`still ${JSON.stringify(value)} after ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
