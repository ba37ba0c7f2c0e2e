import { postToSession } from './browser-session.ts'
import { portal, portalToken } from './portal.ts'
import { readProblem } from './problem.ts'
import type { BrowserTokens, LoginChallenge, PasskeyAssertion } from './types.ts'

/**
 * The session of this tab. The refresh token is in a cookie that no script can read; the access token is only in memory.
 * Tabs share access tokens, so that one of them refreshes for all.
 */
interface AccessToken {
  readonly value: string
  /** In milliseconds since 1970. */
  readonly expiresAt: number
}

/** A token is replaced this long before it expires. */
const MARGIN_MS = 30_000
const LOCK = 'tollgate-refresh'

let token: AccessToken | undefined
/** In a support session: the token of the user that the administrator acts as. It is not shared with other tabs. */
let support: AccessToken | undefined

type Message =
  | { readonly kind: 'token'; readonly token: AccessToken }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'organization' }

const channel = new BroadcastChannel('tollgate-session')
const listeners = new Set<(kind: Message['kind']) => void>()

channel.addEventListener('message', ({ data }: MessageEvent<Message>) => {
  if (data.kind === 'token') token = data.token
  else token = undefined
  for (const listener of listeners) listener(data.kind)
})

/** Calls back when another tab signs out or changes the organization. */
export function onOtherTab(listener: (kind: Message['kind']) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const isFresh = (one: AccessToken | undefined): one is AccessToken =>
  one !== undefined && one.expiresAt - MARGIN_MS > Date.now()

const read = (tokens: { access_token: string; expires_in: number }): AccessToken => ({
  value: tokens.access_token,
  expiresAt: Date.now() + tokens.expires_in * 1_000,
})

function keep(tokens: BrowserTokens): string {
  token = read(tokens)
  channel.postMessage({ kind: 'token', token } satisfies Message)
  return token.value
}

/**
 * @returns a token that is valid for a while; undefined if nobody is signed in, or the portal or support session has ended
 * @throws ApiError if the server cannot be reached or fails
 */
export async function accessToken(): Promise<string | undefined> {
  if (portal()) return portalToken()
  if (support) return support.expiresAt > Date.now() ? support.value : undefined
  if (isFresh(token)) return token.value
  return navigator.locks.request(LOCK, async () => {
    if (isFresh(token)) return token.value // another tab has refreshed meanwhile
    const answer = await postToSession('refresh')
    if (answer.status === 401) return undefined
    if (!answer.ok) throw await readProblem(answer)
    return keep(await answer.json())
  })
}

/** The server refused the token: the next request gets a new one. */
export function forgetToken(value: string): void {
  if (token?.value === value) token = undefined
}

/**
 * @returns the challenge for the second factor, if there is one; undefined if the user is signed in
 * @throws ApiError
 */
export const signIn = (email: string, password: string) => begin('login', { email, password })

/**
 * The same with the code of an identity provider or of an email.
 *
 * @throws ApiError
 */
export const signInByCode = (returned: { readonly code: string; readonly code_verifier: string }) =>
  begin('sign-in', returned)

/** Signs in with a passkey alone. @throws ApiError */
export async function signInByPasskey(passkey: PasskeyAssertion): Promise<void> {
  await begin('passkey', { passkey })
}

async function begin(path: 'login' | 'sign-in' | 'passkey', proof: object): Promise<LoginChallenge | undefined> {
  const answer = await postToSession(path, proof)
  if (!answer.ok) throw await readProblem(answer)
  const body: BrowserTokens | LoginChallenge = await answer.json()
  if ('challenge_token' in body) return body
  keep(body)
  return undefined
}

/** What is given as second factor. */
export type SecondFactor = { readonly code: string } | { readonly passkey: PasskeyAssertion }

/** @throws ApiError */
export async function verifySecondFactor(challengeToken: string, factor: SecondFactor): Promise<void> {
  const answer = await postToSession('2fa/verify', { challenge_token: challengeToken, ...factor })
  if (!answer.ok) throw await readProblem(answer)
  keep(await answer.json())
}

/** @throws ApiError */
export async function signOut(): Promise<void> {
  const answer = await postToSession('logout')
  if (!answer.ok) throw await readProblem(answer)
  token = undefined
  support = undefined
  channel.postMessage({ kind: 'signed-out' } satisfies Message)
}

/** Takes the token of another organization, and tells the other tabs, whose tokens are for the former one. */
export function changeOrganization(tokens: { access_token: string; expires_in: number }): void {
  if (support) {
    support = read(tokens)
    return
  }
  channel.postMessage({ kind: 'organization' } satisfies Message)
  keep({ ...tokens, token_type: 'bearer' })
}

/** Acts as another user until the token expires or the session is ended. */
export function startSupport(tokens: { access_token: string; expires_in: number }): void {
  support = read(tokens)
}

export function endSupport(): void {
  support = undefined
}

/** When the support session ends, in milliseconds since 1970; undefined outside of one. */
export const supportEndsAt = (): number | undefined => support?.expiresAt
