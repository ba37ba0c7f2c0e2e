import { expect, test } from 'vitest'
import { administrator, call } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'
import { newCustomer } from '../../support/payments.ts'

const token = await administrator()
const list = (query: string) => call(`GET /api/v1/admin/subscriptions?${query}`, { token })

test('subscriptions of all organizations are listed, and found by plan, provider, status and organization', async () => {
  const [one, other] = await Promise.all([newCustomer('stripe'), newCustomer('polar')])
  await Promise.all([one.buy('builder'), other.buy('pro')])
  const mine = `organization_id=${one.organizationId}`
  const { status, body } = await list(mine)
  expect(status).toBe(200)
  expect(body.data).toMatchObject([
    { organization_id: one.organizationId, provider: 'stripe', plan: 'builder', status: 'active', is_current: true },
  ])
  expect(body.data[0].provider_subscription_id).toBe((await one.subscription()).id)
  for (const [query, found] of [
    ['plan=builder&provider=stripe&status=active', 1],
    ['plan=pro', 0],
    ['provider=polar', 0],
    ['status=canceled', 0],
  ] as const)
    expect((await list(`${mine}&${query}`)).body.data, query).toHaveLength(found)
  const all = (await list('limit=100')).body.data.map((row: { organization_id: string }) => row.organization_id)
  expect(all).toContain(other.organizationId)
})

test('pages follow one another, and responses match the document', async () => {
  const customers = await Promise.all([newCustomer('stripe'), newCustomer('polar')])
  for (const { buy } of customers) await buy('starter')
  const first = (await list('limit=1')).body
  const second = (await list(`limit=1&cursor=${first.next_cursor}`)).body
  expect(first.data[0].id > second.data[0].id).toBe(true)
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === 'GET /api/v1/admin/subscriptions')
  const schema = declared?.responses['200']?.content?.['application/json']?.schema ?? {}
  expect(departures(first, schema, document)).toEqual([])
})

test.each(['status=gone', 'provider=paypal', 'organization_id=x', 'cursor=x', 'plan='])(
  '%s is refused by name',
  async (query) => {
    const { status, body } = await list(query)
    expect([status, body.errors?.[0]?.path]).toEqual([400, `query.${query.split('=')[0]}`])
  },
)
