import { postToSession } from './browser-session.ts'
import { portal, portalToken } from './portal.ts'
import { ApiError, readProblem } from './problem.ts'
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

type Message = { readonly kind: 'token'; readonly token: AccessToken } | { readonly kind: 'signed-out' }

/** What another tab did: it signed out, signed somebody else in, or changed the organization. */
type Change = 'signed-out' | 'user' | 'organization'

const channel = new BroadcastChannel('tollgate-session')
const listeners = new Set<(change: Change) => void>()

/** Whose data this tab shows, and of which organization. */
let shown: { readonly user: string; readonly organization: string | undefined } | undefined

channel.addEventListener('message', ({ data }: MessageEvent<Message>) => {
  token = data.kind === 'token' ? data.token : undefined
  if (data.kind === 'signed-out') tell('signed-out')
  else if (!support) tellIfChanged(data.token)
})

/** Calls back when this tab must begin again, because of another one. */
export function onOtherTab(listener: (change: Change) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function tell(change: Change): void {
  for (const listener of listeners) listener(change)
}

function ownerOf({ value }: AccessToken) {
  const payload = (value.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
  const { sub, org }: { sub: string; org?: string } = JSON.parse(atob(payload))
  return { user: sub, organization: org }
}

/** @returns whether a token is of another user or organization than what this tab shows */
function tellIfChanged(one: AccessToken): boolean {
  const [before, after] = [shown, ownerOf(one)]
  shown = after
  const isOther = before !== undefined && before.user !== after.user
  const isElsewhere = before !== undefined && before.organization !== after.organization
  if (isOther || isElsewhere) tell(isOther ? 'user' : 'organization')
  return isOther || isElsewhere
}

const isFresh = (one: AccessToken | undefined): one is AccessToken =>
  one !== undefined && one.expiresAt - MARGIN_MS > Date.now()

const read = (tokens: { access_token: string; expires_in: number }): AccessToken => ({
  value: tokens.access_token,
  expiresAt: Date.now() + tokens.expires_in * 1_000,
})

/** Keeps what this tab asked for, whoever it is of. */
function keep(tokens: BrowserTokens): void {
  token = read(tokens)
  shown = ownerOf(token)
  channel.postMessage({ kind: 'token', token } satisfies Message)
}

/** @throws ApiError for a request that was meant for the user or the organization before */
function requireSame(one: AccessToken): string {
  if (tellIfChanged(one))
    throw new ApiError(409, { code: 'session_changed', title: 'Another tab has changed the user or the organization.' })
  return one.value
}

/**
 * @returns a token that is valid for a while; undefined if nobody is signed in, or the portal or support session has ended
 * @throws ApiError if the server cannot be reached or fails, or the session is another one than this tab shows
 */
export async function accessToken(): Promise<string | undefined> {
  if (portal()) return portalToken()
  if (support) return support.expiresAt > Date.now() ? support.value : undefined
  if (isFresh(token)) return requireSame(token)
  return navigator.locks.request(LOCK, async () => {
    if (isFresh(token)) return requireSame(token) // another tab has refreshed meanwhile
    const answer = await postToSession('refresh')
    if (answer.status === 401) return undefined
    if (!answer.ok) throw await readProblem(answer)
    token = read(await answer.json())
    channel.postMessage({ kind: 'token', token } satisfies Message)
    return requireSame(token)
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

/** Takes the token of another organization. Other tabs, whose tokens are for the former one, get it as well. */
export function changeOrganization(tokens: { access_token: string; expires_in: number }): void {
  if (support) {
    support = read(tokens)
    return
  }
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
