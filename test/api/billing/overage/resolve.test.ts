import { afterEach, describe, expect, test, vi } from 'vitest'
import { recordOverage } from '../../../../src/billing/overage/job.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { newCustomer } from '../../../support/payments.ts'

const { sql } = directly()
afterEach(() => vi.restoreAllMocks())
const PATH = '/api/v1/admin/billing/ledger/stuck'

/** An organization with a row of three units in some state. */
async function world(state: string) {
  const { organizationId: organization_id, buy, ...customer } = await newCustomer('stripe')
  const token = await administrator()
  // Before it is on the plan: tests beside this one look at all organizations.
  await call(`PUT /api/v1/admin/organizations/${organization_id}/quotas`, { token, body: { api_calls: 1_000 } })
  await buy('builder')
  const used = { id: uuidv7(Date.now()), organization_id, occurred_at: new Date().toISOString(), api_calls: 1_003 }
  await writeUsage(directly(), [used])
  await recordOverage(directly(), Date.now(), organization_id)
  await sql.query(
    `update billing_usage_ledger set state = $2, attempted_at = now(), charged_with = identifier where organization_id = $1`,
    [organization_id, state],
  )
  const listed = async () => (await call(`GET ${PATH}?organization_id=${organization_id}`, { token })).body.data
  const resolve = async (action: string, identifiers: readonly string[], as = token) => {
    const body = { organization_id, identifiers, action, reason: 'As agreed' }
    const answer = await call(`POST ${PATH}`, { token: as, body })
    return [answer.status, answer.body?.code]
  }
  const row = async () =>
    (await sql.query('select * from billing_usage_ledger where organization_id = $1', [organization_id]))[0]
  const acts = () =>
    sql.query(`select action, detail from audit_logs where organization_id = $1 and action like 'admin.ledger%'`, [
      organization_id,
    ])
  return { ...customer, organization_id, listed, resolve, row, acts }
}

describe('POST /api/v1/admin/billing/ledger/stuck', () => {
  test.each(['refused', 'unknown'])(
    'what is %s is listed, and sent again or written off, with who did so and why',
    async (state) => {
      for (const [action, after, act] of [
        ['resend', /^(pending|sent)$/, 'admin.ledger_resent'], // a test beside this one may send all that is open
        ['write_off', /^written_off$/, 'admin.ledger_written_off'],
      ] as const) {
        const { listed, resolve, row, acts } = await world(state)
        const [{ identifier }, ...more] = await listed()
        expect(more).toEqual([])
        expect(await resolve(action, [identifier, 'none'])).toEqual([404, 'ledger_row_not_found'])
        expect(await row()).toMatchObject({ state })
        expect(await resolve(action, [identifier, identifier])).toEqual([204, undefined])
        expect(await row()).toMatchObject({ state: expect.stringMatching(after), units: '3' })
        expect(await listed()).toEqual([])
        expect(await resolve(action, [identifier])).toEqual([404, 'ledger_row_not_found'])
        expect(await acts()).toEqual([{ action: act, detail: { identifiers: [identifier], reason: 'As agreed' } }])
      }
    },
  )

  test('what was sent stays, customers may do none of this, and the ledger tells what was written off', async () => {
    const sent = await world('sent')
    expect(await sent.listed()).toEqual([])
    expect(await sent.resolve('write_off', [String((await sent.row())?.identifier)])).toEqual([
      404,
      'ledger_row_not_found',
    ])
    const { listed, resolve, organization_id, token } = await world('refused')
    const [{ identifier }] = await listed()
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    expect((await resolve('write_off', [identifier], token))[0]).toBe(404)
    await resolve('write_off', [identifier])
    const report = await call(`GET /api/v1/admin/billing/ledger?organization_id=${organization_id}`, {
      token: await administrator(),
    })
    expect(report.body.data[0]).toMatchObject({ refused_units: 0, written_off_units: 3, difference_units: 0 })
  })
})
