import { createHash, randomUUID } from 'node:crypto'
import { type Call, html, json, type Reply, type Route } from '../http.ts'
import { page } from '../pages.ts'
import { GITHUB_CLIENT, isCallback } from './clients.ts'
import { type Person, readPerson, signInPage } from './people.ts'

const AUTHORIZE = '/github/login/oauth/authorize'
const CODE_MS = 10 * 60_000
const MAX_ENTRIES = 10_000

interface Granted {
  readonly person: Person
  readonly redirectUri: string
  readonly challenge: string | null
  readonly scopes: readonly string[]
  readonly until: number
}

/** GitHub's web flow for OAuth apps and the two API calls that identify a person, as documented by GitHub. */
export function githubRoutes(): Record<string, Route> {
  const codes = new Map<string, Granted>()
  const tokens = new Map<string, Granted>()
  const door = 'oidc'
  return {
    [`GET ${AUTHORIZE}`]: { door, answer: (call) => (findFlaw(call) ? flawed() : signInPage('GitHub', call)) },
    [`POST ${AUTHORIZE}`]: { door, answer: (call) => authorize(call, codes) },
    'POST /github/login/oauth/access_token': { door, answer: (call) => giveToken(call, codes, tokens) },
    'GET /github/api/user': { door, answer: (call) => asBearer(call, tokens, [], showUser) },
    'GET /github/api/user/emails': { door, answer: (call) => asBearer(call, tokens, ['user:email'], showEmails) },
  }
}

const findFlaw = ({ url: { searchParams } }: Call) =>
  searchParams.get('client_id') !== GITHUB_CLIENT.client_id || !isCallback(searchParams.get('redirect_uri') ?? '')

const flawed = () => html(404, page('Not found', '<p>No application has this client id and redirect address.</p>'))

function authorize(call: Call, codes: Map<string, Granted>): Reply {
  if (findFlaw(call)) return flawed()
  const { searchParams } = call.url
  const redirectUri = searchParams.get('redirect_uri') ?? ''
  const target = new URL(redirectUri)
  const state = searchParams.get('state')
  if (state !== null) target.searchParams.set('state', state)
  const person = readPerson(call.body)
  if (person) {
    const code = keep(codes, {
      person,
      redirectUri,
      challenge: searchParams.get('code_challenge'),
      scopes: (searchParams.get('scope') ?? '').split(/[ ,]+/),
      until: Date.now() + CODE_MS,
    })
    target.searchParams.set('code', code)
  } else target.searchParams.set('error', 'access_denied')
  return { status: 302, type: 'text/plain', body: '', headers: { location: target.href } }
}

function keep(map: Map<string, Granted>, granted: Granted): string {
  const name = randomUUID().replaceAll('-', '')
  map.set(name, granted)
  if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value ?? '')
  return name
}

/** GitHub answers errors with status 200. */
function giveToken(call: Call, codes: Map<string, Granted>, tokens: Map<string, Granted>): Reply {
  const form = new URLSearchParams(call.body)
  const answer = (fields: Record<string, string>): Reply =>
    call.headers.accept?.includes('json')
      ? json(200, fields)
      : { status: 200, type: 'application/x-www-form-urlencoded', body: String(new URLSearchParams(fields)) }
  if (!isClient(form)) return answer({ error: 'incorrect_client_credentials' })
  const code = form.get('code') ?? ''
  const granted = codes.get(code)
  if (granted?.person.misbehavior === 'token_error') return json(502, { message: 'Server Error' })
  if (!granted || granted.until < Date.now() || !isProven(granted, form.get('code_verifier')))
    return answer({ error: 'bad_verification_code' })
  codes.delete(code)
  if (form.has('redirect_uri') && form.get('redirect_uri') !== granted.redirectUri)
    return answer({ error: 'redirect_uri_mismatch' })
  return answer({ access_token: keep(tokens, granted), token_type: 'bearer', scope: granted.scopes.join(',') })
}

const isClient = (form: URLSearchParams) =>
  form.get('client_id') === GITHUB_CLIENT.client_id && form.get('client_secret') === GITHUB_CLIENT.client_secret

function isProven({ challenge }: Granted, verifier: string | null): boolean {
  if (challenge === null) return true
  return (
    challenge ===
    createHash('sha256')
      .update(verifier ?? '')
      .digest('base64url')
  )
}

type Show = (person: Person) => unknown

function asBearer(
  { headers }: Call,
  tokens: ReadonlyMap<string, Granted>,
  scopes: readonly string[],
  show: Show,
): Reply {
  if (!headers['user-agent']) return json(403, { message: 'Request forbidden by administrative rules.' })
  const granted = tokens.get(/^(?:bearer|token) (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '')
  if (!granted) return json(401, { message: 'Bad credentials' })
  if (!scopes.every((scope) => granted.scopes.includes(scope))) return json(404, { message: 'Not Found' })
  return json(200, show(granted.person))
}

/** A number that stays the same for a subject. */
const toId = (subject: string) => Number.parseInt(createHash('sha256').update(subject).digest('hex').slice(0, 12), 16)

const showUser: Show = ({ subject, name, email }) => ({
  id: toId(subject),
  login: `user-${subject.slice(0, 8)}`,
  name: name || null,
  email,
})

function showEmails({ email, isVerified, misbehavior }: Person) {
  const first = { email, primary: true, verified: isVerified, visibility: 'public' }
  if (misbehavior === 'no_email') return []
  if (misbehavior !== 'several_addresses') return [first]
  return [
    { ...first, verified: false },
    { email: `other-${email}`, primary: false, verified: true, visibility: null },
  ]
}
