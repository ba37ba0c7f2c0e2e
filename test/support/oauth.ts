import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { expect } from 'vitest'
import { base64url, randomBytes, sha256 } from '../../src/lib/bytes.ts'
import { call, eventually, newUser, verify } from './http.ts'

export const REDIRECT = 'https://app.example.com/callback'

export type Fields = Readonly<Record<string, string>>

/** Sends a form, as an application does. Fields without a value are left out. */
export const post = (path: string, fields: Readonly<Record<string, string | undefined>>, headers: Fields = {}) => {
  const given = Object.entries(fields).filter((one): one is [string, string] => one[1] !== undefined)
  return call(`POST /oauth/${path}`, {
    body: new URLSearchParams(given).toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
  })
}

export const register = (metadata: object) => call('POST /oauth/register', { body: metadata })

/** A public application that gets refresh tokens. */
export async function newApplication(metadata: object = {}) {
  const { body } = await register({
    client_name: 'Reporter',
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    ...metadata,
  })
  return body as { client_id: string; client_secret?: string }
}

/** An application's request, and the later proof that it was the one. */
export function newRequest({ client_id }: { readonly client_id: string }, more: object = {}) {
  const verifier = base64url(randomBytes(32))
  const request = {
    client_id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'reports:read',
    state: crypto.randomUUID(),
    code_challenge: base64url(sha256(verifier)),
    code_challenge_method: 'S256',
    ...more,
  }
  return { verifier, request }
}

/** Authorizes an application, or declines. @returns the fields of the redirect, or the refusal */
export const decide = async (by: { readonly token: string }, request: object, decision = 'approve') =>
  call('POST /api/v1/auth/authorizations/decide', {
    token: by.token,
    body: { for: await activeOrganization(by), ...request, decision },
  })

/** The organization that somebody acts for. */
export async function activeOrganization({ token }: { readonly token: string }): Promise<string> {
  const { body } = await call('GET /api/v1/auth/me', { token })
  return body.organization_id
}

export async function codeFor(by: { readonly token: string }, request: object): Promise<string> {
  const { status, body } = await decide(by, request)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return new URL(body.redirect_to).searchParams.get('code') ?? ''
}

/** Somebody who let an application act for them, and its tokens. */
export async function granted(more: object = {}, metadata: object = {}) {
  const person = await newUser()
  const client = await newApplication(metadata)
  const { verifier, request } = newRequest(client, more)
  const code = await codeFor(person, request)
  const exchange = (fields: Readonly<Record<string, string | undefined>> = {}) =>
    post('token', {
      grant_type: 'authorization_code',
      client_id: client.client_id,
      code,
      code_verifier: verifier,
      redirect_uri: REDIRECT,
      ...fields,
    })
  const refresh = (refresh_token: string, fields: Readonly<Record<string, string>> = {}) =>
    post('token', { grant_type: 'refresh_token', client_id: client.client_id, refresh_token, ...fields })
  return { person, client, request, code, exchange, refresh }
}

/** Waits until a key is refused, which every isolate must do within two seconds. */
export const untilRefused = (key: string) =>
  eventually(
    () => verify(key),
    ({ body }) => body.valid === false,
  )

/** The official MCP client's part of an agent: its metadata, and what it stores. */
export function newProvider(scope?: string) {
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it by looking at it
  const kept: Record<string, any> = {}
  const provider: OAuthClientProvider = {
    redirectUrl: REDIRECT,
    clientMetadata: {
      client_name: 'Agent',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...(scope !== undefined && { scope }),
    },
    state: () => 'a state',
    clientInformation: () => kept.client,
    saveClientInformation: (client) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => void (kept.tokens = tokens),
    redirectToAuthorization: (url) => void (kept.url = url),
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
  }
  return { provider, kept }
}

/** The redirect of a browser, decided by a user who agrees. */
export async function agree(authorizationUrl: URL, by: { readonly token: string }): Promise<URL> {
  const answer = await call(`GET ${authorizationUrl.pathname}${authorizationUrl.search}`)
  expect(answer.status).toBe(302)
  const page = new URL(answer.headers.get('Location') ?? '', authorizationUrl)
  expect(page.pathname).toBe('/dashboard/authorize')
  const { body } = await decide(by, Object.fromEntries(page.searchParams))
  return new URL(body.redirect_to)
}
