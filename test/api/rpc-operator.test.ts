import { exports } from 'cloudflare:workers'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type * as z from 'zod'
import type { AdminOrganization } from '../../src/admin/organizations/schemas.ts'
import type { ApiKey, IssuedKey } from '../../src/keys/schemas.ts'
import type { OPERATOR_INPUTS } from '../../src/rpc-operator.ts'
import type * as wire from '../../src/rpc-types.ts'
import { newCustomer } from '../support/customers.ts'
import { directly } from '../support/direct.ts'
import { loseAnswers } from '../support/store-faults.ts'

const { Tollgate } = exports
const newId = () => `customer-${crypto.randomUUID()}`

/** The result of a call that did not fail. */
function done<Answer extends object>(answer: Answer): Exclude<Answer, { problem: unknown }> {
  if ('problem' in answer) throw new Error(JSON.stringify(answer.problem))
  return answer as Exclude<Answer, { problem: unknown }>
}

test('a bound Worker creates a customer, and issues, changes, rotates, lists and revokes keys for it', async () => {
  const external_id = newId()
  const made = done(await Tollgate.upsertOrganization({ external_id, name: 'Acme', metadata: { crm: 7 } }))
  expect(made).toMatchObject({ created: true, organization: { external_id, name: 'Acme', metadata: { crm: 7 } } })
  const found = done(await Tollgate.upsertOrganization({ external_id }))
  expect(found).toEqual({ created: false, organization: made.organization })

  const issued = done(await Tollgate.issueKey({ external_id, name: 'First', scopes: ['reports:read'] }))
  expect(await Tollgate.verifyKey({ key: issued.key })).toMatchObject({ valid: true, external_id })
  const ref = { external_id, key_id: issued.id }
  expect(done(await Tollgate.updateKey({ ...ref, name: 'Renamed' })).name).toBe('Renamed')
  const rotated = done(await Tollgate.rotateKey(ref))
  expect(rotated.rotated_from).toBe(issued.id)
  expect(await Tollgate.verifyKey({ key: issued.key })).toMatchObject({ valid: false, code: 'REVOKED' })
  const { data, next_cursor } = done(await Tollgate.listKeys({ external_id, status: 'active', limit: 1 }))
  expect([data.map(({ id }) => id), next_cursor]).toEqual([[rotated.id], null])
  expect(done(await Tollgate.revokeKey({ external_id, key_id: rotated.id }))).toEqual({ revoked: true })

  const rows = await directly().sql.query(
    'select distinct actor_type, actor_id from audit_logs where organization_id = $1',
    [made.organization.id],
  )
  expect(rows).toEqual([{ actor_type: 'service', actor_id: null }])
})

describe('an answer that was lost after its effect is given to the repeat, over the service binding too:', () => {
  const idempotency_key = 'once'

  test('issuing creates one key, and the caller gets it', async () => {
    const external_id = newId()
    done(await Tollgate.upsertOrganization({ external_id }))
    const input = { external_id, name: `Lost ${external_id}`, idempotency_key }
    const network = loseAnswers(input.name)
    expect(await Tollgate.issueKey(input)).toMatchObject({ status: 503 })
    network.mockRestore()
    const repeated = done(await Tollgate.issueKey(input))
    expect(await Tollgate.issueKey(input)).toEqual(repeated)
    expect(await Tollgate.verifyKey({ key: repeated.key })).toMatchObject({ valid: true, external_id })
    expect(done(await Tollgate.listKeys({ external_id })).data).toHaveLength(1)
  })

  test('rotating revokes the old key, and the caller gets the new one', async () => {
    const external_id = newId()
    done(await Tollgate.upsertOrganization({ external_id }))
    const issued = done(await Tollgate.issueKey({ external_id, name: 'Old' }))
    expect(await Tollgate.verifyKey({ key: issued.key })).toMatchObject({ valid: true })
    const input = { external_id, key_id: issued.id, idempotency_key }
    const network = loseAnswers('key.rotated')
    expect(await Tollgate.rotateKey(input)).toMatchObject({ status: 503 })
    network.mockRestore()
    const repeated = done(await Tollgate.rotateKey(input))
    expect(await Tollgate.verifyKey({ key: repeated.key })).toMatchObject({ valid: true, external_id })
    expect(await Tollgate.verifyKey({ key: issued.key })).toMatchObject({ code: 'REVOKED' })
  })

  test('of concurrent equal calls one is executed, another input is refused, and without a key each call has its effect', async () => {
    const external_id = newId()
    done(await Tollgate.upsertOrganization({ external_id }))
    const input = { external_id, name: 'Once', idempotency_key }
    const answers = await Promise.all([1, 2, 3].map(() => Tollgate.issueKey(input)))
    expect(new Set(answers.map((answer) => done(answer).key)).size).toBe(1)
    expect(await Tollgate.issueKey({ ...input, name: 'Other' })).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    const plain = { external_id, name: 'Plain' }
    expect(done(await Tollgate.issueKey(plain)).id).not.toBe(done(await Tollgate.issueKey(plain)).id)
  })
})

test('usage reported under an external id belongs to that organization, which can read it back by the id', async () => {
  const external_id = newId()
  const { organization } = done(await Tollgate.upsertOrganization({ external_id }))
  const other = done(await Tollgate.upsertOrganization({ external_id: newId() })).organization
  const recorded = done(
    await Tollgate.recordUsage({
      events: [
        { id: newId(), external_id, queries: 3 },
        { id: newId(), external_id, organization_id: organization.id, queries: 4 },
        { id: newId(), external_id, organization_id: other.id, queries: 5 },
        { id: newId(), external_id: newId(), queries: 6 },
      ],
    }),
  )
  expect(recorded.accepted).toBe(2)
  expect(recorded.rejected.map(({ index, code }) => [index, code])).toEqual([
    [2, 'organization_mismatch'],
    [3, 'organization_not_found'],
  ])
  expect(done(await Tollgate.getUsage({ external_id })).totals.queries).toBe(7)
  const reserved = await Tollgate.reserve({ external_id, api_calls: 2 })
  expect(reserved).toMatchObject({ granted: true })
})

test.each([
  ['issueKey', { name: 'x' }, 'ORGANIZATION_UNNAMED', undefined],
  ['issueKey', { name: 'x', external_id: 'nobody' }, 'ORGANIZATION_NOT_FOUND', undefined],
  ['issueKey', { name: 'x', external_id: 'nobody', naem: 'x' }, 'INVALID_REQUEST', 'body.naem'],
  ['upsertOrganization', {}, 'INVALID_REQUEST', 'body.external_id'],
  ['upsertOrganization', { external_id: 'a', plan: 'nonsense' }, 'INVALID_REQUEST', 'body.plan'],
  ['updateKey', { external_id: 'nobody' }, 'INVALID_REQUEST', 'body.key_id'],
  ['listKeys', { external_id: 'nobody', limit: 101 }, 'INVALID_REQUEST', 'body.limit'],
  ['getUsage', { external_id: 'nobody', form: 'x' }, 'INVALID_REQUEST', 'body.form'],
] as const)('%s of %j is %s, as data', async (method, input, code, path) => {
  const answer = await Tollgate[method](input as never)
  expect(answer).toMatchObject({ code })
  if (path) expect((answer as wire.Failure).problem.errors?.map((error) => error.path)).toContain(path)
})

test("the operator's wire types have the fields of the schemas, and results are those of HTTP", () => {
  type Inputs = typeof OPERATOR_INPUTS
  expectTypeOf<keyof wire.UpsertOrganizationInput>().toEqualTypeOf<keyof z.input<Inputs['upsertOrganization']>>()
  expectTypeOf<keyof wire.IssueKeyInput>().toEqualTypeOf<keyof z.input<Inputs['issueKey']>>()
  expectTypeOf<keyof wire.UpdateKeyInput>().toEqualTypeOf<keyof z.input<Inputs['updateKey']>>()
  expectTypeOf<keyof wire.RotateKeyInput>().toEqualTypeOf<keyof z.input<Inputs['rotateKey']>>()
  expectTypeOf<keyof wire.RevokeKeyInput>().toEqualTypeOf<keyof z.input<Inputs['revokeKey']>>()
  expectTypeOf<keyof wire.ListKeysInput>().toEqualTypeOf<keyof z.input<Inputs['listKeys']>>()
  expectTypeOf<keyof wire.GetUsageInput>().toEqualTypeOf<keyof z.input<Inputs['getUsage']>>()
  expectTypeOf<keyof wire.Organization>().toEqualTypeOf<keyof z.output<typeof AdminOrganization>>()
  expectTypeOf<keyof wire.ApiKey>().toEqualTypeOf<keyof z.output<typeof ApiKey>>()
  expectTypeOf<keyof wire.IssuedApiKey>().toEqualTypeOf<keyof z.output<typeof IssuedKey>>()
})

test('quotas are read by either name, and two names that disagree are refused', async () => {
  const [mine, other] = [newId(), newId()]
  const { organization } = done(await Tollgate.upsertOrganization({ external_id: mine }))
  await Tollgate.upsertOrganization({ external_id: other })
  const byId = done(await Tollgate.getQuotas({ organization_id: organization.id }))
  expect(done(await Tollgate.getQuotas({ external_id: mine }))).toEqual(byId)
  expect(await Tollgate.getQuotas({ external_id: other, organization_id: organization.id })).toMatchObject({
    code: 'ORGANIZATION_MISMATCH',
  })
  expect(await Tollgate.getQuotas({ external_id: newId() })).toMatchObject({ code: 'ORGANIZATION_NOT_FOUND' })
  expect(await Tollgate.getQuotas({})).toMatchObject({ code: 'ORGANIZATION_UNNAMED' })
})

test('a token is verified for the organization that an external id names', async () => {
  const [{ externalId, organizationId, token }, { externalId: foreign }] = [await newCustomer(), await newCustomer()]
  const verified = await Tollgate.verifyToken({ token, external_id: externalId, permission: 'keys:write' })
  expect(verified).toMatchObject({ valid: true, organization_id: organizationId, role: 'owner' })
  expect(await Tollgate.verifyToken({ token, external_id: foreign })).toMatchObject({ valid: false, code: 'FORBIDDEN' })
  expect(await Tollgate.verifyToken({ token, external_id: foreign, organization_id: organizationId })).toMatchObject({
    valid: false,
    code: 'ORGANIZATION_MISMATCH',
  })
})
