import { expect, test, vi } from 'vitest'
import { isForKeys, PERMISSIONS, type Permission } from '../../src/auth/roles.ts'
import { PORTAL_SCOPES } from '../../src/portal/scopes.ts'
import { openApi } from '../support/openapi.ts'
import { portalToken } from '../support/portal.ts'
import { askAs, casesOf, findingsOf, toldApart, type Walked, walkedOf } from './cases.ts'
import { changedSince, digestOf } from './digest.ts'
import { newStranger, newWorld } from './world.ts'

vi.setConfig({ testTimeout: 240_000 }) // each test is thousands of requests: seconds on a quiet machine, more on a busy one
vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { document, operations } = await openApi()
const walked = walkedOf(operations, document)
const [own, stranger] = await Promise.all([newWorld(), newStranger()])
const before = await digestOf(stranger)
const worlds = { document, own, stranger }

const isPermission = (allow: string): allow is Permission => (PERMISSIONS as readonly string[]).includes(allow)
/** Routes that require no user, but another credential instead: a service's. */
const OF_SERVICES = new Set(['POST /api/v1/keys/verify'])
const guarded = walked.filter(({ operation }) => operation.allow !== 'anyone' && !OF_SERVICES.has(operation.line))

function expectedOf({ operation: { allow } }: Walked, scopes: readonly string[]): string {
  if (!isPermission(allow) || !isForKeys(allow)) return 'user_only'
  return scopes.includes(allow) ? 'in' : 'forbidden'
}

test('a portal session reaches with each scope exactly the routes of that permission, and no user’s or operator’s', async () => {
  const sessions = await Promise.all(
    [...PORTAL_SCOPES.map((scope) => [scope]), PORTAL_SCOPES].map(async (scopes) => ({
      scopes,
      token: await portalToken(own.organization, scopes),
    })),
  )
  const asked = guarded.flatMap((one) => sessions.map((session) => ({ one, session })))
  const found = await findingsOf(asked, async ({ one, session: { scopes, token } }) => {
    const got = await askAs(one, { organization: own.organization, named: token, active: token }, worlds)
    const expected = expectedOf(one, scopes)
    return got === expected ? [] : [`${one.operation.line} with ${scopes.join(', ')}: got ${got}, expected ${expected}`]
  })
  expect(found).toEqual([])
})

test('a stranger’s id looks to a portal session with every scope like an unknown one', async () => {
  const token = await portalToken(own.organization, PORTAL_SCOPES)
  const cases = guarded
    .filter(({ operation: { allow } }) => isPermission(allow) && isForKeys(allow))
    .flatMap((one) => casesOf(one, worlds))
  expect(cases.length).toBeGreaterThan(guarded.length / 2)
  const found = await findingsOf(cases, (one) => toldApart(one, { ...worlds, token }))
  expect([...found, ...(await changedSince(before, stranger))]).toEqual([])
})

test('a portal session that names a stranger’s organization gets into no other route, and changes nothing', async () => {
  const token = await portalToken(own.organization, PORTAL_SCOPES)
  const closed = guarded.filter(({ operation: { allow } }) => !isPermission(allow) || !isForKeys(allow))
  const found = await findingsOf(closed, async (one) => {
    const got = await askAs(one, { organization: stranger.organization, named: token, active: token }, worlds)
    return ['user_only', 'organization_not_found'].includes(got) ? [] : [`${one.operation.line}: got ${got}`]
  })
  expect([...found, ...(await changedSince(before, stranger))]).toEqual([])
})

test('no route accepts a portal token as the service key of an API', async () => {
  const token = await portalToken(own.organization, PORTAL_SCOPES)
  const verify = walked.filter(({ operation }) => OF_SERVICES.has(operation.line))
  const found = await findingsOf(verify, async (one) => [
    await askAs(one, { organization: own.organization, named: token, active: token }, worlds),
  ])
  expect(found).toEqual(['unauthenticated'])
})
