import { exports } from 'cloudflare:workers'
import { describe, expect, inject, test, vi } from 'vitest'
import { isForKeys, PERMISSIONS, type Permission, scopeFor } from '../../src/auth/roles.ts'
import { Tollgate } from '../../src/rpc.ts'
import { call } from '../support/http.ts'
import { openApi } from '../support/openapi.ts'
import {
  askAs,
  casesOf,
  comparable,
  findingsOf,
  pathIdsOf,
  reached,
  toldApart,
  unknownPlaces,
  type Walked,
  walkedOf,
} from './cases.ts'
import { changedSince, digestOf } from './digest.ts'
import { requestOf } from './places.ts'
import { keyWith, type Member, membersOf, newStranger, newWorld, platformOrganization } from './world.ts'

/** What a service key may do for any organization, and with which scope. */
const OF_SERVICES: Readonly<Record<string, string>> = {
  'POST /api/v1/keys/verify': 'platform:verify',
  'POST /api/v1/usage': 'platform:usage',
  'POST /api/v1/usage/reserve': 'platform:usage',
  'POST /api/v1/usage/settle': 'platform:usage',
  'POST /api/v1/usage/reservations/{id}/extend': 'platform:usage',
  'POST /api/v1/usage/subjects/erase': 'platform:usage',
}
const SERVICE_SCOPES = ['platform:verify', 'platform:usage']
const BAD_INPUT = new Set(['INVALID_REQUEST', 'ORGANIZATION_UNNAMED'])
const EVERY_SCOPE = PERMISSIONS.map((permission) => `tollgate:${permission}`)

/** Changes to the caller's own session or membership: sent last, one after the other. */
const LAST = [
  'POST /api/v1/organizations/{organization_id}/switch',
  'POST /api/v1/organizations/{organization_id}/leave',
]

vi.setConfig({ testTimeout: 120_000 }) // each test is hundreds of requests: seconds on a quiet machine, more on a busy one
vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged, and there are many hundreds here

const { document, operations } = await openApi()
const walked = walkedOf(operations, document)
const [own, stranger] = await Promise.all([newWorld(), newStranger()])
const before = await digestOf(stranger)
const worlds = { document, own, stranger }

const isPermission = (allow: string): allow is Permission => (PERMISSIONS as readonly string[]).includes(allow)
const guarded = walked.filter(({ operation }) => isPermission(operation.allow))
const ofAdministrators = walked.filter(({ operation }) => operation.allow === 'administrator')
const notForAnyone = walked.filter(({ operation: { line, allow } }) => allow !== 'anyone' || OF_SERVICES[line])
const ofCustomers = walked.filter(({ operation }) => operation.allow !== 'administrator')

/** A request with a world's ids in every place of its path. */
const withIdsOf = (world: typeof own, { operation, places }: Walked) =>
  requestOf(operation, { ...worlds, ids: pathIdsOf(places, world) })

test('every route declares who may call it, and every id it takes is one that this walk can fill in', () => {
  const known = new Set(['anyone', 'user', 'administrator', ...PERMISSIONS])
  expect(operations.filter(({ raw }) => !known.has(raw['x-allow'])).map(({ line }) => line)).toEqual([])
  expect(unknownPlaces(walked)).toEqual([])
})

test('a read permission changes nothing, except what concerns the member alone', () => {
  const writing = guarded.filter(
    ({ operation: { line, allow } }) => allow.endsWith(':read') && !line.startsWith('GET '),
  )
  expect(writing.map(({ operation }) => operation.line)).toEqual(LAST)
})

describe("a stranger's id", async () => {
  const isGet = ({ operation }: Walked) => operation.line.startsWith('GET ')
  const cases = ofCustomers
    .flatMap((one) => casesOf(one, worlds))
    .toSorted((a, b) => Number(isGet(b)) - Number(isGet(a)))

  test('looks to an owner like an unknown one, on every route and in every position', async () => {
    expect(cases.length).toBeGreaterThan(ofCustomers.length)
    const found = await findingsOf(cases, (one) => toldApart(one, { ...worlds, token: own.token }))
    expect([...found, ...(await changedSince(before, stranger))]).toEqual([])
  })

  test('looks the same to a key that has every scope', async () => {
    const token = await keyWith(own.organization, EVERY_SCOPE)
    const some = cases.filter(({ operation: { allow }, foreign }) => {
      // a reported event names its organization: by now the owner has reported some of the same names
      const isUsual = [...foreign].every(([{ kind }, variant]) => variant === 0 && kind !== 'event')
      return isUsual && isPermission(allow) && isForKeys(allow)
    })
    const found = await findingsOf(some, (one) => toldApart(one, { ...worlds, token }))
    expect([...found, ...(await changedSince(before, stranger))]).toEqual([])
  })
})

test('every role may do on every route exactly what the table of roles says, in the named organization', async () => {
  const members = await membersOf(own)
  const found: string[] = []
  const removed = ['sso', 'directory'].map((one) => `DELETE /api/v1/organizations/{organization_id}/${one}`)
  const last = [...removed, ...LAST] // they must exist for the others
  for (const ending of [undefined, ...last]) {
    const some = guarded.filter(({ operation: { line } }) => (ending ? line === ending : !last.includes(line)))
    const asked = some.flatMap((one) => members.map((member) => ({ one, member })))
    found.push(...(await findingsOf(asked, ({ one, member }) => beyondRole(one, member))))
  }
  expect(found).toEqual([])
})

async function beyondRole(one: Walked, { role, permissions, inside, elsewhere }: Member): Promise<string[]> {
  const { line, allow } = one.operation
  const expected = isPermission(allow) && permissions.includes(allow) ? 'in' : 'forbidden'
  const got = await askAs(one, { organization: own.organization, named: elsewhere, active: inside }, worlds)
  return got === expected ? [] : [`${line}: ${role} got ${got}, expected ${expected}`]
}

/** What the rules say about a key. */
function expectedOf(
  { operation: { line, allow, raw } }: Walked,
  scopes: readonly string[],
  isService: boolean,
): string {
  if (isService) {
    const needed = OF_SERVICES[line] ?? raw['x-service-scope']
    return needed === undefined ? 'user_only' : scopes.includes(needed) ? 'in' : 'forbidden'
  }
  if (line === 'POST /api/v1/keys/verify') return 'unauthenticated'
  if (!isPermission(allow) || !isForKeys(allow)) return 'user_only'
  const scope = scopeFor(allow)
  return scope === undefined || scopes.includes(scope) ? 'in' : 'forbidden'
}

/** Whether a scope can decide: if none does, a few keys represent all. */
const isByScope = ({ operation: { allow } }: Walked) =>
  isPermission(allow) && isForKeys(allow) && scopeFor(allow) !== undefined

test('a key reaches with each scope exactly what the table says, and never a person’s or administrator’s routes', async () => {
  const few = [[], ['*', 'tollgate:*', 'platform:*'], EVERY_SCOPE, SERVICE_SCOPES]
  const each = PERMISSIONS.map((permission) => [`tollgate:${permission}`])
  const keysWith = (all: readonly (readonly string[])[]) =>
    Promise.all(
      all.map(async (scopes) => ({ scopes, isService: false, token: await keyWith(own.organization, scopes) })),
    )
  const [fewKeys, eachKeys] = [await keysWith(few), await keysWith(each)]
  const service = { scopes: SERVICE_SCOPES, isService: true, token: inject('credentials').service_key }
  const platform = await platformOrganization()
  const asked = notForAnyone.flatMap((one) =>
    [...fewKeys, service, ...(isByScope(one) ? eachKeys : [])].map((who) => ({ one, who })),
  )
  const found = await findingsOf(asked, async ({ one, who: { scopes, isService, token } }) => {
    const name = `${isService ? 'the service key' : 'a key'} with ${scopes.join(', ') || 'no scope'}`
    const expected = expectedOf(one, scopes, isService)
    const organization = isService && expected !== 'in' ? platform : own.organization // it acts only for customers
    const got = await askAs(one, { organization, named: token, active: token }, worlds)
    return got === expected ? [] : [`${one.operation.line}: ${name} got ${got}, expected ${expected}`]
  })
  expect(found).toEqual([])
})

test('an anonymous caller gets one and the same 401 from every route that is not public', async () => {
  const usual = comparable(await call('GET /api/v1/auth/me'))
  expect(usual).toMatch(/^401 .*unauthenticated/)
  const found = await findingsOf(notForAnyone, async (one) => {
    const { line, body } = withIdsOf(stranger, one)
    const answer = comparable(await call(line, { body }))
    return answer === usual ? [] : [`${one.operation.line}: nobody got ${answer.slice(0, 200)}`]
  })
  expect([...found, ...(await changedSince(before, stranger))]).toEqual([])
})

test('to everyone else the routes of administrators look like unknown routes', async () => {
  expect(ofAdministrators.length).toBeGreaterThan(10)
  const found = await findingsOf(ofAdministrators, async (one) => {
    const [method] = one.operation.line.split(' ')
    const { line, body } = withIdsOf(stranger, one)
    const [got, nothing] = await Promise.all(
      [line, `${method} /api/v1/admin/nothing/of/the/kind`].map((asked) => call(asked, { token: own.token, body })),
    )
    if (got === undefined || nothing === undefined) return []
    if (reached(nothing) !== 'not_found') return [`${method}: what is not there is ${reached(nothing)}`]
    return comparable(got) === comparable(nothing)
      ? []
      : [`${one.operation.line}: an owner got ${comparable(got).slice(0, 200)}`]
  })
  expect([...found, ...(await changedSince(before, stranger))]).toEqual([])
})

test('a page that begins at a stranger’s cursor contains nothing of theirs', async () => {
  const lists = ofCustomers.filter(({ operation }) => operation.parameters.some(({ name }) => name === 'cursor'))
  const theirs = Object.values(stranger.ids).flat()
  let followed = 0
  const found = await findingsOf(lists, async (one) => {
    const ask = (world: typeof own, query: string) => {
      const { line } = withIdsOf(world, one)
      return call(`${line}${line.includes('?') ? '&' : '?'}${query}`, { token: world.token })
    }
    const { body: first } = await ask(stranger, 'limit=1')
    if (!first.next_cursor) return []
    followed++
    const { status, body } = await ask(own, `cursor=${first.next_cursor}`)
    const leaked = theirs.filter((id) => JSON.stringify(body).includes(id))
    return status === 200 && leaked.length === 0 ? [] : [`${one.operation.line}: ${status}, shows ${leaked.join(', ')}`]
  })
  expect(found).toEqual([])
  expect(followed).toBeGreaterThan(3)
})

test('the stranger’s ids are real: their owner sees each of them', async () => {
  const gets = ofCustomers.filter(({ operation }) => operation.line.startsWith('GET '))
  const pages = await Promise.all(
    gets.map(async (one) => {
      const { status, body } = await call(withIdsOf(stranger, one).line, { token: stranger.token })
      return { line: one.operation.line, status, text: JSON.stringify(body) }
    }),
  )
  expect(pages.filter(({ status }) => status !== 200).map(({ line, status }) => `${line}: ${status}`)).toEqual([])
  const { reservation: _, customer: _operators, ...listed } = stranger.ids // the operator's names for them belong to the operator
  const unseen = Object.entries(listed).flatMap(([kind, ids]) =>
    ids.filter((id) => !pages.some(({ text }) => text.includes(id))).map((id) => `${kind} ${id}`),
  )
  expect(unseen).toEqual([])
})

describe('methods that another Worker calls', () => {
  type Method = (input: unknown) => Promise<Record<string, unknown>>
  const methods = Object.getOwnPropertyNames(Tollgate.prototype).filter((name) => name !== 'constructor')
  const INPUTS = [undefined, null, 'text', '\0', 7, Number.NaN, true, [], [{}], {}, { key: 7, events: 7 }]

  test('return bad input as data that refuses and says so, whichever method it is', async () => {
    expect(methods.length).toBeGreaterThan(4)
    const asked = methods.flatMap((method) => INPUTS.map((input) => ({ method, input })))
    const found = await findingsOf(asked, async ({ method, input }) => {
      const answer = await (exports.Tollgate as unknown as Record<string, Method>)[method]?.(input).catch(String)
      const isRefused = typeof answer === 'object' && answer.valid === false && answer.granted === false
      if (isRefused && BAD_INPUT.has(String(answer.code)) && 'problem' in answer) return []
      return [`${method}(${JSON.stringify(input)}) got ${JSON.stringify(answer)}`]
    })
    expect(found).toEqual([])
  })
})
