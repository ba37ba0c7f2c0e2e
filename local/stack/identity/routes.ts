import { decodeJwt } from 'jose'
import { type Call, json, type Reply, type Route } from '../http.ts'
import { githubRoutes } from './github.ts'
import { type OidcServer, openOidc } from './oidc.ts'
import { changeResponse } from './signer.ts'

/** The identity providers: an OpenID provider below /oidc, and the part of GitHub that a sign-in needs below /github. */
export function openIdentityProviders() {
  let opening: Promise<OidcServer> | undefined
  /** On the first request, whose host is the stack's own. */
  const open = ({ url }: Call) => (opening ??= openOidc(url.origin))
  const answer = async (call: Call) => pass(call, await open(call))
  const route: Route = { door: 'oidc', answer }
  const routes: Record<string, Route> = {
    'GET /oidc/jwks': { door: 'oidc', answer: async (call) => json(200, (await open(call)).signer.keys()) },
    'GET /oidc/*': route,
    'POST /oidc/*': route,
    'GET /oidc/.well-known/**': route,
    'GET /oidc/.well-known/*': route,
    'GET /oidc/auth/*': route,
    'GET /oidc/interaction/*': route,
    'POST /oidc/interaction/*': route,
    'POST /oidc-keys/rotate': {
      async answer(call) {
        await (await open(call)).signer.rotate()
        return { status: 204, type: 'text/plain', body: '' }
      },
    },
    ...githubRoutes(),
  }
  return { routes, close: async () => (await opening)?.close() }
}

/** Passes a request on, and returns the answer with the misbehavior that the person chose. */
async function pass(call: Call, server: OidcServer): Promise<Reply> {
  const { method, url, headers, body } = call
  const response = await fetch(`${server.url}${url.pathname}${url.search}`, {
    method,
    redirect: 'manual',
    headers: pick(headers),
    ...(method === 'POST' && { body }),
  })
  const text = await response.text()
  const reply: Reply = {
    status: response.status,
    type: response.headers.get('content-type') ?? 'text/plain',
    body: text,
    headers: readHeaders(response, url),
  }
  if (url.pathname === '/oidc/token' && response.ok) return changeTokens(reply, server)
  return reply.headers?.location === undefined ? reply : changeRedirect(reply, server, url)
}

const PASSED = ['accept', 'authorization', 'content-type', 'cookie', 'host', 'user-agent'] as const

function pick(headers: Call['headers']): Record<string, string> {
  const { host = '', ...rest } = Object.fromEntries(PASSED.map((name) => [name, headers[name]]))
  const known = Object.entries(rest).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return { ...Object.fromEntries(known), 'x-forwarded-host': host }
}

/** Leaves out the provider's own session: its page asks each time who to sign in as. */
function readHeaders(response: Response, { origin }: URL): NonNullable<Reply['headers']> {
  const location = response.headers.get('location')
  const cookies = response.headers.getSetCookie().filter((cookie) => !cookie.startsWith('_session'))
  return {
    ...(location !== null && { location: new URL(location, origin).href }),
    ...(cookies.length > 0 && { 'set-cookie': cookies }),
    'cache-control': 'no-store',
  }
}

async function changeTokens(reply: Reply, { signer, misbehaviorOf }: OidcServer): Promise<Reply> {
  const tokens: Record<string, unknown> & { id_token: string } = JSON.parse(reply.body)
  const misbehavior = misbehaviorOf(decodeJwt(tokens.id_token).sub ?? '')
  if (misbehavior === 'token_error') return json(502, { error: 'server_error' })
  return json(200, { ...tokens, id_token: await signer.sign(tokens.id_token, misbehavior) })
}

function changeRedirect(reply: Reply, { misbehaviorOf }: OidcServer, { pathname }: URL): Reply {
  const signIn = pathname.split('/').at(-1) ?? ''
  const location = changeResponse(String(reply.headers?.location), misbehaviorOf(signIn))
  return { ...reply, headers: { ...reply.headers, location } }
}
