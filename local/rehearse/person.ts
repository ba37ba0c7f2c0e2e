import { randomUUID } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import { deriveSuccessor } from '../../src/accounts/sessions/refresh-token.ts'
import { sha256Hex } from '../../src/lib/bytes.ts'
import { toStep, totp } from '../../src/lib/totp.ts'
import { type World, withToken } from './world.ts'

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}
interface Challenge {
  readonly challenge_token: string
}

/** A signed-in person who has an account with a second factor. */
export interface Person {
  readonly id: string
  readonly url: string
  readonly login: { readonly email: string; readonly password: string }
  readonly tokens: Tokens
  /** @returns the successor of the current refresh token */
  refresh(): Promise<string>
  /** Whether a refresh token is accepted. This uses it up. */
  mayRefresh(token: string): Promise<boolean>
}

export async function newPerson(url: string): Promise<Person> {
  const anybody = withToken(url)
  const login = { email: `${randomUUID()}@example.com`, password: randomUUID() }
  await anybody.call('POST', '/auth/register', login)
  const tokens = await anybody.call<Tokens>('POST', '/auth/login', login)
  const exchange = (token: string) => anybody.call<Tokens>('POST', '/auth/refresh', { refresh_token: token })
  const { id } = await withToken(url, tokens.access_token).call<{ id: string }>('GET', '/auth/me')
  const person: Person = {
    id,
    url,
    login,
    tokens,
    refresh: async () => (await exchange(tokens.refresh_token)).refresh_token,
    mayRefresh: (token) =>
      exchange(token).then(
        () => true,
        () => false,
      ),
  }
  await enable(url, tokens)
  return person
}

/** Signs in with only the password and sets up a second factor, as after a reset. @returns the person's id */
export async function setUpSecondFactor({ id, url, login }: Person): Promise<string> {
  await enable(url, await withToken(url).call<Tokens>('POST', '/auth/login', login))
  return id
}

async function enable(url: string, { access_token }: Tokens): Promise<void> {
  const self = withToken(url, access_token)
  const { secret } = await self.call<{ secret: string }>('POST', '/auth/2fa/setup', {})
  await self.call('POST', '/auth/2fa/enable', { code: totp(fromBase32(secret), toStep(Date.now())) })
}

/** @returns whether a person can sign in with the password and this code */
export async function signInWith({ url, login }: Person, code: string): Promise<boolean> {
  const anybody = withToken(url)
  const { challenge_token } = await anybody.call<Challenge>('POST', '/auth/login', login)
  return anybody.call('POST', '/auth/2fa/verify', { challenge_token, code }).then(
    () => true,
    () => false,
  )
}

/** The successor of a used refresh token, as somebody with a copy of the database and a secret derives it. */
export async function openSuccessor({ sql }: World, secret: string, token: string): Promise<string> {
  const [row] = await sql.query(
    `select encode(successor_salt, 'hex') as salt from refresh_tokens where token_hash = decode($1, 'hex')`,
    [sha256Hex(token)],
  )
  return deriveSuccessor({ SECRET_KEY: secret }, token, hexToBytes(String(row?.['salt'])))
}

/** Decodes the setup key as an authenticator app does (RFC 4648 §6). */
function fromBase32(text: string): Uint8Array {
  const bits = [...text].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('')
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
}
