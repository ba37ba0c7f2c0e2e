import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Call, readBody, send } from '../http.ts'
import { isCallback, OIDC_CLIENT } from './clients.ts'
import { type Misbehavior, type Person, readPerson, signInPage } from './people.ts'
import { createSigner, type Signer } from './signer.ts'

const MOUNT = '/oidc'
const INTERACTION = `${MOUNT}/interaction/`
/** The maximum of remembered people and sign-ins, because a stack may run for weeks. */
const MAX_ENTRIES = 10_000

/** An OpenID provider in this process, on a port of its own. */
export interface OidcServer {
  readonly url: string
  readonly signer: Signer
  /** How the provider misbehaves for a person, or in a sign-in. */
  misbehaviorOf(subjectOrSignIn: string): Misbehavior
  close(): Promise<void>
}

/**
 * Opens `oidc-provider` with a sign-in page where everybody is who they say they are.
 *
 * @param origin the stack's address
 */
export async function openOidc(origin: string): Promise<OidcServer> {
  const { default: OidcProvider } = await import('oidc-provider') // takes a while, and few starts of the stack need it
  const signer = await createSigner()
  const people = new Map<string, Person>()
  const misbehaviors = new Map<string, Misbehavior>()
  const provider = new OidcProvider(`${origin}${MOUNT}`, configure(signer, people))
  provider.proxy = true // the stack passes its own host on
  provider.Client.prototype.redirectUriAllowed = isCallback
  const handle = provider.callback()

  async function answer(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse) {
    const path = request.url ?? ''
    if (path.startsWith(INTERACTION)) return interact(request, response)
    request.originalUrl = path
    request.url = path.slice(MOUNT.length) || '/'
    return handle(request, response)
  }

  async function interact(request: IncomingMessage, response: ServerResponse) {
    const { uid, params } = await provider.interactionDetails(request, response)
    if (request.method !== 'POST') return send(response, signInPage('an OpenID provider', hinted(params)))
    const person = readPerson((await readBody(request)) ?? '')
    if (!person) return provider.interactionFinished(request, response, { error: 'access_denied' })
    remember(people, person.subject, person)
    for (const name of [person.subject, uid]) remember(misbehaviors, name, person.misbehavior)
    return provider.interactionFinished(request, response, { login: { accountId: person.subject } })
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => void send(response, toReply(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    signer,
    misbehaviorOf: (name) => misbehaviors.get(name) ?? 'none',
    close: () => close(server),
  }
}

function hinted({ login_hint: hint }: Readonly<Record<string, unknown>>): Pick<Call, 'url'> {
  const url = new URL('http://127.0.0.1/')
  if (typeof hint === 'string') url.searchParams.set('login_hint', hint)
  return { url }
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value ?? '')
}

/** For a page that is opened too late, or an invalid form. */
const toReply = (error: unknown) => ({
  status: 400,
  type: 'text/plain; charset=utf-8',
  body: `The sign-in cannot go on: ${error instanceof Error ? error.message : String(error)}`,
})

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

interface OidcContext {
  readonly oidc: {
    readonly provider: { Grant: new (of: object) => { addOIDCScope(scope: string): void; save(): Promise<string> } }
    readonly client: { readonly clientId: string }
    readonly session: { readonly accountId: string }
  }
}

const configure = (signer: Signer, people: ReadonlyMap<string, Person>) => ({
  clients: [{ ...OIDC_CLIENT, redirect_uris: ['http://localhost:8000/account/sign-in'] }],
  jwks: { keys: [signer.secretKey] },
  cookies: { keys: [crypto.randomUUID()] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  interactions: { url: (_: unknown, { uid }: { uid: string }) => `${INTERACTION}${uid}` },
  findAccount: (_: unknown, subject: string) => ({
    accountId: subject,
    claims: () => toClaims(subject, people.get(subject)),
  }),
  /** Grants everything: nobody is asked what Tollgate may learn. */
  async loadExistingGrant({ oidc: { provider, client, session } }: OidcContext) {
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

function toClaims(sub: string, person: Person | undefined) {
  if (!person || person.misbehavior === 'no_email') return { sub, name: person?.name }
  return { sub, name: person.name, email: person.email, email_verified: person.isVerified }
}
