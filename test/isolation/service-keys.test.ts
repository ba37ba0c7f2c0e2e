import { beforeAll, describe, expect, test, vi } from 'vitest'
import documentation from '../../docs/operate/service-keys.md?raw'
import { PLATFORM_SCOPES } from '../../src/auth/service-scopes.ts'
import { administrator, call } from '../support/http.ts'
import { type Operation, openApi } from '../support/openapi.ts'
import { findingsOf, reached } from './cases.ts'
import { keyWith, newStranger, platformOrganization } from './world.ts'

vi.setConfig({ testTimeout: 240_000 }) // thousands of requests: seconds on a quiet machine, more on a busy one
vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { operations } = await openApi()
const SCOPES = Object.keys(PLATFORM_SCOPES)
const NOBODYS = '01900000-0000-7000-8000-000000000000'
/** Their bodies name the owner of each of their items. */
const NAMES_OWNERS = new Set([
  'POST /api/v1/usage',
  'POST /api/v1/usage/reserve',
  'POST /api/v1/usage/settle',
  'POST /api/v1/usage/reservations/{id}/extend',
])

const OWN_ACCOUNT = "about the signed-in person's own account"
const AS_MEMBER = 'as one of its members sees it; /admin/organizations/{organization_id} is for the operator'
const HOLDS_CREDENTIALS = 'a route of the gateway holds credentials of other systems'
const NO_KEY_MAKES_ONE = 'no key makes, sees or changes service keys'

/** The routes that no service key opens, and the reason. */
const CLOSED: Readonly<Record<string, string>> = {
  'DELETE /api/v1/admin/routes/{id}': HOLDS_CREDENTIALS,
  'GET /api/v1/admin/routes': HOLDS_CREDENTIALS,
  'GET /api/v1/admin/routes/{id}': HOLDS_CREDENTIALS,
  'PATCH /api/v1/admin/routes/{id}': HOLDS_CREDENTIALS,
  'POST /api/v1/admin/routes': HOLDS_CREDENTIALS,
  'DELETE /api/v1/admin/service-keys/{id}': NO_KEY_MAKES_ONE,
  'GET /api/v1/admin/service-keys': NO_KEY_MAKES_ONE,
  'GET /api/v1/admin/service-keys/{id}': NO_KEY_MAKES_ONE,
  'PATCH /api/v1/admin/service-keys/{id}': NO_KEY_MAKES_ONE,
  'POST /api/v1/admin/service-keys': NO_KEY_MAKES_ONE,
  'POST /api/v1/admin/service-keys/{id}/rotate': NO_KEY_MAKES_ONE,
  'POST /api/v1/admin/users/{id}/impersonate': 'a support session is an administrator acting as a user',
  'POST /api/v1/admin/users/{id}/two-factor/reset': 'an administrator answers for it with their own second factor',
  'DELETE /api/v1/organizations/{organization_id}': AS_MEMBER,
  'GET /api/v1/organizations/{organization_id}': AS_MEMBER,
  'PATCH /api/v1/organizations/{organization_id}': AS_MEMBER,
  'GET /api/v1/organizations/{organization_id}/domains': AS_MEMBER,
  'POST /api/v1/organizations/{organization_id}/domains': AS_MEMBER,
  'POST /api/v1/organizations/{organization_id}/domains/{id}/verify': AS_MEMBER,
  'PATCH /api/v1/organizations/{organization_id}/domains/{id}': AS_MEMBER,
  'DELETE /api/v1/organizations/{organization_id}/domains/{id}': AS_MEMBER,
  'GET /api/v1/organizations/{organization_id}/sso': AS_MEMBER,
  'PUT /api/v1/organizations/{organization_id}/sso': AS_MEMBER,
  'DELETE /api/v1/organizations/{organization_id}/sso': AS_MEMBER,
  'GET /api/v1/organizations/{organization_id}/directory': AS_MEMBER,
  'PUT /api/v1/organizations/{organization_id}/directory': AS_MEMBER,
  'DELETE /api/v1/organizations/{organization_id}/directory': AS_MEMBER,
  'POST /api/v1/organizations/{organization_id}/directory/token': AS_MEMBER,
  'GET /api/v1/organizations/{organization_id}/directory/groups': AS_MEMBER,
  'PATCH /api/v1/organizations/{organization_id}/directory/groups/{id}': AS_MEMBER,
  'GET /api/v1/auth/joinable-organizations': OWN_ACCOUNT,
  'POST /api/v1/organizations/{organization_id}/join': OWN_ACCOUNT,
  'POST /api/v1/organizations/{organization_id}/leave': OWN_ACCOUNT,
  'POST /api/v1/organizations/{organization_id}/switch': OWN_ACCOUNT,
  'POST /api/v1/organizations/{organization_id}/transfer': 'gives away the own ownership; the operator changes roles',
  'GET /api/v1/organizations': OWN_ACCOUNT,
  'POST /api/v1/organizations': OWN_ACCOUNT,
  'DELETE /api/v1/auth/me': OWN_ACCOUNT,
  'GET /api/v1/auth/me': OWN_ACCOUNT,
  'PUT /api/v1/auth/me': OWN_ACCOUNT,
  'GET /api/v1/auth/me/export': OWN_ACCOUNT,
  'DELETE /api/v1/auth/sessions': OWN_ACCOUNT,
  'GET /api/v1/auth/sessions': OWN_ACCOUNT,
  'DELETE /api/v1/auth/sessions/{id}': OWN_ACCOUNT,
  'GET /api/v1/auth/identities': OWN_ACCOUNT,
  'POST /api/v1/auth/identities': OWN_ACCOUNT,
  'DELETE /api/v1/auth/identities/{id}': OWN_ACCOUNT,
  'POST /api/v1/auth/authorizations': OWN_ACCOUNT,
  'POST /api/v1/auth/authorizations/decide': OWN_ACCOUNT,
  'POST /api/v1/auth/devices': OWN_ACCOUNT,
  'POST /api/v1/auth/devices/decide': OWN_ACCOUNT,
  'GET /api/v1/auth/grants': OWN_ACCOUNT,
  'DELETE /api/v1/auth/grants/{id}': OWN_ACCOUNT,
  'GET /api/v1/auth/passkeys': OWN_ACCOUNT,
  'POST /api/v1/auth/passkeys': OWN_ACCOUNT,
  'POST /api/v1/auth/passkeys/begin': OWN_ACCOUNT,
  'POST /api/v1/auth/passkeys/prove': OWN_ACCOUNT,
  'POST /api/v1/auth/passkeys/reauthenticate': OWN_ACCOUNT,
  'PATCH /api/v1/auth/passkeys/{id}': OWN_ACCOUNT,
  'DELETE /api/v1/auth/passkeys/{id}': OWN_ACCOUNT,
  'POST /api/v1/auth/2fa/backup-codes': OWN_ACCOUNT,
  'POST /api/v1/auth/2fa/disable': OWN_ACCOUNT,
  'POST /api/v1/auth/2fa/enable': OWN_ACCOUNT,
  'POST /api/v1/auth/2fa/setup': OWN_ACCOUNT,
  'POST /api/v1/auth/email/change': OWN_ACCOUNT,
  'POST /api/v1/auth/password/change': OWN_ACCOUNT,
  'PUT /api/v1/auth/password': OWN_ACCOUNT,
}

/** The published table: the scope that opens a route to service keys, by `METHOD /path`. */
const table = new Map(
  [...documentation.matchAll(/^\| `(platform:[a-z:]+)` \| `([A-Z]+ [^`]+)` \|$/gm)].map(([, scope = '', line = '']) => [
    line,
    scope,
  ]),
)

/** Of an unknown organization, with a body that no schema accepts: a request that passes the guard changes nothing. */
function harmless({ line, parameters, body }: Operation, organization = NOBODYS) {
  const path = line.replaceAll('{organization_id}', organization).replaceAll(/\{[a-z_]+\}/g, NOBODYS)
  const isNamedInQuery = parameters.some(({ name, in: where }) => name === 'organization_id' && where === 'query')
  return {
    line: isNamedInQuery ? `${path}?organization_id=${organization}` : path,
    ...(body && { body: { organization_id: organization, no_such_field: true } }),
  }
}

async function reach(operation: Operation, token: string): Promise<string> {
  const { line, body } = harmless(operation)
  return reached(await call(line, { token, ...(body && { body }) }))
}

describe('a service key', () => {
  const keys = new Map<string, string>()
  const guarded = operations.filter(({ allow, line }) => allow !== 'anyone' || table.has(line))

  beforeAll(async () => {
    const platform = await platformOrganization()
    for (const scope of [...SCOPES, 'platform:*']) keys.set(scope, await keyWith(platform, [scope]))
  })

  test('opens with each scope exactly the routes of the published table', async () => {
    const asked = guarded.flatMap((operation) => [...keys].map(([scope, key]) => ({ operation, scope, key })))
    const found = await findingsOf(asked, async ({ operation, scope, key }) => {
      const got = await reach(operation, key)
      const isOpen = table.get(operation.line) === scope || (scope === 'platform:*' && table.has(operation.line))
      const isIn = !['forbidden', 'user_only', 'unauthenticated'].includes(got)
      return isIn === isOpen ? [] : [`${operation.line} with ${scope}: ${got}`]
    })
    expect(found).toEqual([])
  })

  test('has no scope that opens nothing', () => {
    const closed = SCOPES.filter((scope) => ![...table.values()].includes(scope))
    expect(closed).toEqual([])
  })

  test('is refused by no route without a reason', () => {
    const closed = operations.filter(({ line, allow }) => allow !== 'anyone' && !table.has(line))
    expect(closed.map(({ line }) => line).toSorted()).toEqual(Object.keys(CLOSED).toSorted())
  })

  test('the document names the same scopes as the published table', () => {
    const declared = operations.flatMap(({ line, raw }) =>
      raw['x-service-scope'] ? [[line, raw['x-service-scope']]] : [],
    )
    const verify = ['POST /api/v1/keys/verify', 'platform:verify']
    expect(new Map([...declared, verify] as [string, string][])).toEqual(table)
  })
})

describe('an administrator who is not a member', async () => {
  const [token, { organization }] = await Promise.all([administrator(), newStranger()])

  test('may do in any organization what a service key may, and no more', async () => {
    const ofMembers = operations.filter(({ allow }) => allow.includes(':'))
    const found = await findingsOf(ofMembers, async (operation) => {
      const { line, body } = harmless(operation, organization)
      const got = reached(await call(line, { token, ...(body && { body }) }))
      const isIn = !['forbidden', 'user_only', 'organization_not_found', 'unauthenticated'].includes(got)
      return isIn === table.has(operation.line) ? [] : [`${operation.line}: ${got}`]
    })
    expect(found).toEqual([])
  })
})

test('an unknown organization is one clear problem to the operator, on every route that names one', async () => {
  const token = await keyWith(await platformOrganization(), ['platform:*'])
  const named = operations.filter(
    ({ allow, line }) => allow.includes(':') && table.has(line) && !NAMES_OWNERS.has(line),
  )
  const found = await findingsOf(named, async (operation) => {
    const got = await reach(operation, token)
    return got === 'organization_not_found' ? [] : [`${operation.line}: ${got}`]
  })
  expect(found).toEqual([])
})
