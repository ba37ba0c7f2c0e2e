import { expect, test, vi } from 'vitest'
import { newPeopleless, newServiceKey } from '../../support/customers.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'
import { newCustomer, pay, shopState } from '../../support/payments.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { id: keyId, key: service } = await newServiceKey('platform:billing:*')
const { sql } = directly()

const auditRows = (organizationId: string) =>
  sql.query(
    `select action, actor_type, actor_id, detail->>'on_behalf_of' as for from audit_logs
     where organization_id = $1 and action like 'billing.%requested' or organization_id = $1 and action like 'billing.%ed' and actor_type = 'service'
     order by id`,
    [organizationId],
  )

test('a back end takes a customer without people from checkout to the end of the subscription', async () => {
  const email = `billing-${crypto.randomUUID()}@example.com`
  const { id, externalId: external_id } = await newPeopleless({ name: 'Acme', email })
  const headers = { 'Tollgate-Actor': 'agent 7' }
  const post = (what: string, body: object = {}, more: Record<string, string> = {}) =>
    call(`POST /api/v1/billing/${what}`, {
      token: service,
      headers: { ...headers, ...more },
      body: { external_id, ...body },
    })
  const key = { 'Idempotency-Key': crypto.randomUUID() }
  const bought = await post('checkout', { plan: 'builder', provider: 'polar' }, key)
  expect(bought.status).toBe(201)
  const again = await post('checkout', { plan: 'builder', provider: 'polar' }, key)
  expect([again.body, again.headers.get('Idempotent-Replayed')]).toEqual([bought.body, 'true'])
  await pay(bought.body.url)
  const { events, customers } = await shopState('polar', id)
  expect(JSON.stringify(customers)).toContain(email)
  for (const { headers: signed, body } of events) await call('POST /api/v1/webhooks/polar', { headers: signed, body })

  expect(await post('change', { plan: 'pro' })).toMatchObject({ status: 200, body: { plan: 'pro' } })
  expect(await post('cancel')).toMatchObject({ status: 200, body: { cancel_at_period_end: true } })
  expect(await post('resume')).toMatchObject({ status: 200, body: { cancel_at_period_end: false } })
  expect(await post('portal')).toMatchObject({ status: 201, body: { provider: 'polar' } })
  const info = await call(`GET /api/v1/auth/billing/info?external_id=${external_id}`, { token: service })
  expect(info.body).toMatchObject({ organization_id: id, plan: { id: 'pro' }, status: 'active' })
  const rows = await auditRows(id)
  expect(rows.map(({ action }) => action)).toEqual([
    'billing.checkout_started',
    'billing.change_requested',
    'billing.cancel_requested',
    'billing.resume_requested',
    'billing.portal_opened',
  ])
  expect(rows.every((row) => row.actor_type === 'service' && row.actor_id === keyId && row.for === 'agent 7')).toBe(
    true,
  )
})

test.each([
  ['a service key', service],
  ['an administrator', await administrator()],
])('%s buys in the name of the first owner if there is no billing contact', async (_, token) => {
  const { organizationId, email } = await newCustomer()
  const body = { organization_id: organizationId, plan: 'builder', provider: 'stripe' }
  const { status, body: checkout } = await call('POST /api/v1/billing/checkout', { token, body })
  expect(status).toBe(201)
  const { checkouts } = await shopState('stripe', organizationId)
  expect(JSON.stringify(checkouts.find(({ id }) => id === checkout.id))).toContain(email)
})

test('without a billing contact or an owner nobody can pay, and the response says what to do', async () => {
  const { externalId } = await newPeopleless()
  const body = { external_id: externalId, plan: 'builder' }
  const answer = await call('POST /api/v1/billing/checkout', { token: service, body })
  expect([answer.status, answer.body.code]).toEqual([409, 'payer_unknown'])
})

test('the ledger requires one organization, by either name', async () => {
  const { id, externalId } = await newPeopleless()
  const get = (query: string) => call(`GET /api/v1/admin/billing/ledger${query}`, { token: service })
  expect((await get('')).body.code).toBe('organization_unnamed')
  expect((await get(`?external_id=${externalId}&organization_id=${id}`)).status).toBe(200)
})
