import { afterEach, expect, test, vi } from 'vitest'
import { keyVersionKey, organizationVersionKey } from '../../../src/limits/limit-request.ts'
import { bodyOf } from '../../support/broken-stores.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { granted } from '../../support/oauth.ts'
import { addMember, create, ORGANIZATIONS, switchTo } from '../../support/organizations.ts'

afterEach(() => void vi.restoreAllMocks())

const { sql } = directly()
const isolate = await newIsolate()

interface Ending {
  readonly key: string
  /** What is announced of it. */
  readonly name: string
  readonly end: () => Promise<{ readonly status: number }>
  readonly statuses: readonly [first: number, repeated: number]
  readonly verdict: object
}

async function doomed() {
  const owner = await newUser()
  const { body } = await create(owner.token, { name: 'Doomed' })
  const token: string = (await switchTo(body.id, owner.token)).body.access_token
  const { key } = await newKeyHolder({}, { ...owner, token })
  return { id: body.id as string, key, name: organizationVersionKey(body.id) }
}

const asOperator = async (line: string, body?: object) =>
  call(line, { token: await administrator(), ...(body && { body }) })

/** A member of somebody's organization, and the token of an application that acts for them there. */
async function newApplicant() {
  const { person, exchange } = await granted()
  const { body } = await exchange()
  const key = body.access_token as string
  const other = await newUser()
  await addMember(person.user.organization_id, other.user.id, 'owner')
  const [row] = await sql.query('select id from api_keys where created_by = $1 and client_id is not null', [
    person.user.id,
  ])
  return { person, other, key, name: keyVersionKey(String(row?.id)) }
}

const ENDINGS: Readonly<Record<string, () => Promise<Ending>>> = {
  'deleting an organization as the operator': async () => {
    const { id, key, name } = await doomed()
    const end = () => asOperator(`DELETE /api/v1/admin/organizations/${id}`)
    return { key, name, end, statuses: [204, 404], verdict: { code: 'NOT_FOUND' } }
  },
  'suspending an organization': async () => {
    const { id, key, name } = await doomed()
    const end = () => asOperator(`PUT /api/v1/admin/organizations/${id}/suspension`, { suspended: true, reason: 'x' })
    return { key, name, end, statuses: [200, 200], verdict: { code: 'ORGANIZATION_SUSPENDED' } }
  },
  'putting an organization on another plan': async () => {
    const { id, key, name } = await doomed()
    const end = () => asOperator(`PUT /api/v1/admin/organizations/${id}/plan`, { plan: 'pro' })
    return { key, name, end, statuses: [200, 200], verdict: { plan: 'pro' } }
  },
  'removing a member whose application acts': async () => {
    const { person, other, key, name } = await newApplicant()
    const path = `${ORGANIZATIONS}/${person.user.organization_id}/members/${person.user.id}`
    const end = () => call(`DELETE ${path}`, { token: other.token })
    return { key, name, end, statuses: [204, 404], verdict: { valid: false } }
  },
  'disabling a user whose application acts': async () => {
    const { person, key, name } = await newApplicant()
    const end = () => asOperator(`POST /api/v1/admin/users/${person.user.id}/disable`, {})
    return { key, name, end, statuses: [200, 200], verdict: { valid: false } }
  },
  'signing a user out whose application acts': async () => {
    const { person, key, name } = await newApplicant()
    const end = () => asOperator(`POST /api/v1/admin/users/${person.user.id}/logout`, {})
    return { key, name, end, statuses: [204, 204], verdict: { valid: false } }
  },
}

/** The isolate dies after the commit: its publications are lost, and it does not know. */
function misdirect(name: string) {
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const text = bodyOf(init)
    return real(input, text.includes(name) ? { ...init, body: text.replaceAll(name, `${name}-lost`) } : init)
  })
}

test.each(Object.entries(ENDINGS))('%s again publishes what the first time could not', async (_, make) => {
  const { key, name, end, statuses, verdict } = await make()
  expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
  misdirect(name)
  const first = await end()
  vi.restoreAllMocks()
  const repeated = await end()
  expect([first.status, repeated.status]).toEqual(statuses)
  await vi.waitFor(async () => expect(await isolate.verify(key)).toMatchObject(verdict), { timeout: 2_000 })
})
