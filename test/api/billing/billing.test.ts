import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { failFor } from '../../support/faults.ts'
import { administrator, call, newKeyHolder, newUser } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'

const { sql } = directly()
const actsOf = async (organizationId: string) =>
  (
    await sql.query(
      `select action, result, detail from audit_logs where organization_id = $1 and action like 'billing.%' and actor_type = 'user' order by id`,
      [organizationId],
    )
  ).map(({ action, result, detail }) => [action, result, detail])

describe.each(['polar', 'stripe'] as const)('POST /api/v1/billing/checkout, /change at %s', (provider) => {
  test('a plan is bought, upgraded immediately, downgraded with the next period, canceled and resumed', async () => {
    const { post, info, buy, subscription, arrive, organizationId } = await newCustomer(provider)
    expect(await info()).toMatchObject({
      status: 'none',
      provider: null,
      subscription: null,
      next_charge: null,
      plan: { id: 'free' },
    })
    await buy('builder')
    expect(await info()).toMatchObject({
      plan: { id: 'builder', version: 1, price: { interval: 'month', currency: 'usd', amount_cents: 1_900 } },
      status: 'active',
      provider,
      subscription: { plan: 'builder', pending_plan: null, cancel_at_period_end: false },
      next_charge: { amount_cents: 1_900, currency: 'usd' },
      overage: { total_usd: '0.000000', total_cents: 0 },
      payment_method: provider === 'stripe' ? { brand: 'visa', last4: '4242' } : null,
      providers: ['polar', 'stripe'],
    })
    expect((await post('checkout', { plan: 'pro' })).body.code).toBe('already_subscribed')

    const raised = await post('change', { plan: 'pro' })
    expect(raised).toMatchObject({ status: 200, body: { plan: 'pro', pending_plan: null } })
    expect((await info()).plan.id).toBe('pro')
    const { orders } = await shopState(provider)
    const mine = (await subscription()).id
    const paid = orders.filter(({ subscriptionId }) => subscriptionId === mine).map(({ cents }) => cents)
    expect(paid[0]).toBe(1_900)
    expect(paid[1]).toBeGreaterThan(2_990) // all but the seconds since
    expect(paid[1]).toBeLessThanOrEqual(3_000)

    expect((await post('change', { plan: 'starter' })).body).toMatchObject({ plan: 'pro', pending_plan: 'starter' })
    expect((await post('change', { plan: 'starter' })).status).toBe(200)
    expect(await info()).toMatchObject({ plan: { id: 'pro' }, next_charge: { amount_cents: 900 } })
    expect((await post('change', { plan: 'pro' })).body).toMatchObject({ plan: 'pro', pending_plan: null })
    await post('change', { plan: 'starter' })
    await act(provider, { act: 'advance', subscription: mine })
    await arrive()
    expect(await info()).toMatchObject({
      plan: { id: 'starter' },
      subscription: { plan: 'starter', pending_plan: null },
    })

    for (const _ of ['once', 'twice'])
      expect((await post('cancel')).body).toMatchObject({ cancel_at_period_end: true, status: 'active' })
    expect((await info()).next_charge).toBeNull()
    expect((await post('change', { plan: 'pro' })).body.code).toBe('subscription_ending')
    for (const _ of ['once', 'twice']) expect((await post('resume')).body.cancel_at_period_end).toBe(false)
    await post('cancel')
    await act(provider, { act: 'advance', subscription: mine })
    await arrive()
    expect(await info()).toMatchObject({ plan: { id: 'free' }, status: 'none', subscription: null })
    expect((await actsOf(organizationId)).map(([action]) => action.slice('billing.'.length))).toEqual([
      'checkout_started',
      'change_requested',
      'change_requested',
      'change_requested',
      'change_requested',
      'cancel_requested',
      'resume_requested',
      'cancel_requested',
    ])
    expect((await post('checkout', { plan: 'pro', provider })).status).toBe(201)
  })

  test('a declined card changes nothing, and the response says so', async () => {
    const { post, info, buy, subscription, organizationId } = await newCustomer(provider)
    await buy('starter')
    const { customer } = await subscription()
    await act(provider, { act: 'refuse_card', customer: customer.id })
    expect(await post('change', { plan: 'pro' })).toMatchObject({ status: 402, body: { code: 'payment_failed' } })
    expect((await info()).plan.id).toBe('starter')
    expect((await actsOf(organizationId)).at(-1)).toEqual([
      'billing.change_requested',
      'failure',
      { from: 'starter', to: 'pro', when: 'now', code: 'payment_failed' },
    ])
    await act(provider, { act: 'accept_card', customer: customer.id })
    expect((await post('change', { plan: 'pro' })).status).toBe(200)
  })

  test('a checkout returns to the requested address, and the portal opens', async () => {
    const { post, organizationId } = await newCustomer(provider)
    expect((await post('portal')).body.code).toBe('no_subscription')
    const back = { success_url: 'https://app.example.com/done?a=1', cancel_url: 'https://tollgate.test/plans' }
    const { status, body } = await post('checkout', { plan: 'pro', provider, ...back })
    expect([status, body.plan, body.provider]).toEqual([201, 'pro', provider])
    const page = await (await fetch(body.url)).text()
    expect(page).toContain('Pay $49.00 a month')
    expect(page).toContain('https://tollgate.test/plans')
    expect(await pay(body.url)).toBe(`https://app.example.com/done?a=1&checkout_id=${body.id}`)
    // The webhook has not arrived: a repeat learns the state from the provider, and pays once.
    expect((await post('checkout', { plan: 'pro', provider })).body.code).toBe('already_subscribed')
    expect(await post('portal')).toMatchObject({
      status: 201,
      body: { provider, url: expect.stringContaining(env.STACK_URL) },
    })
    expect((await actsOf(organizationId)).map(([action, result]) => [action, result])).toContainEqual([
      'billing.checkout_started',
      'failure',
    ])
  })

  test("while the provider fails, the response is a timely 503 without the provider's words", async () => {
    const { post, buy } = await newCustomer(provider)
    await buy('starter')
    const { subscription } = await newCustomer(provider)
    expect(await subscription()).toBeUndefined()
    for (const fault of [{ kind: 'status', value: 500 }, { kind: 'reset_before' }, { kind: 'truncate' }] as const) {
      const own = await newCustomer(provider)
      await failFor(own.organizationId, { door: provider, count: 1, ...fault })
      const { status, body } = await own.post('checkout', { plan: 'pro', provider })
      expect([status, body.code]).toEqual([503, 'billing_unavailable'])
      expect(JSON.stringify(body)).not.toMatch(/upstream|127\.0\.0\.1/)
    }
    expect((await post('cancel')).status).toBe(200)
  })
})

test('the same request is one checkout, by its Idempotency-Key or by its content', async () => {
  async function wish() {
    const { post, organizationId } = await newCustomer('stripe')
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const first = await post('checkout', { plan: 'pro', provider: 'stripe' }, headers)
    const again = await post('checkout', { plan: 'pro', provider: 'stripe' }, headers)
    const byItself = await post('checkout', { plan: 'pro', provider: 'stripe' })
    const other = await post('checkout', { plan: 'starter', provider: 'stripe' })
    return { organizationId, first, again, byItself, other }
  }
  const tenMinutes = () => Math.floor(Date.now() / 600_000) // requests count as the same within one time span
  const began = tenMinutes()
  const asked = await wish()
  const { organizationId, first, again, byItself, other } = tenMinutes() === began ? asked : await wish()
  expect(again.body).toEqual(first.body)
  expect(byItself.body.id).toBe(first.body.id)
  expect(other.body.id).not.toBe(first.body.id)
  const { checkouts } = await shopState('stripe')
  expect(checkouts.filter(({ metadata }) => metadata.org_id === organizationId)).toHaveLength(2)
})

test.each([
  ['nobody', 'invalid_request', 400],
  ['free', 'plan_not_purchasable', 409],
  ['enterprise', 'plan_not_purchasable', 409],
])('the plan %s cannot be bought: %s', async (plan, code, status) => {
  const { post } = await newCustomer()
  expect(await post('checkout', { plan })).toMatchObject({ status, body: { code } })
})

test('a plan that no provider sells, or that is not public, cannot be bought', async () => {
  const { post, buy } = await newCustomer()
  const id = `unsold-${crypto.randomUUID().slice(0, 8)}`
  const limits = { rate_limit_per_minute: 1, max_api_keys: 1, meters: {} }
  const token = await administrator()
  const price = { interval: 'month', currency: 'usd', amount_cents: 700 }
  await call('POST /api/v1/admin/plans', {
    token,
    body: { id, name: 'Unsold', prices: [price], limits, is_public: false },
  })
  expect((await post('checkout', { plan: id })).body.code).toBe('invalid_request')
  await call(`PATCH /api/v1/admin/plans/${id}`, {
    token,
    body: { is_public: true, prices: [{ ...price, stripe_price_id: 'price_unknown' }] },
  })
  expect((await post('checkout', { plan: id, provider: 'polar' })).body.code).toBe('plan_not_purchasable')
  const refused = await post('checkout', { plan: id, provider: 'stripe' })
  expect(refused).toMatchObject({ status: 502, body: { code: 'billing_rejected' } })
  expect(JSON.stringify(refused.body)).not.toContain('price_unknown')
  await buy('starter')
  expect((await post('change', { plan: id })).body.code).toBe('plan_not_purchasable')
  expect((await post('change', { plan: 'free' })).body.code).toBe('plan_not_purchasable')
  await call(`DELETE /api/v1/admin/plans/${id}`, { token })
})

test.each([
  'https://evil.example/',
  'https://tollgate.test.evil.example/',
  'https://tollgate.test@evil.example/',
  'https://user:pass@tollgate.test/',
  'http://tollgate.test/',
  'https://tollgate.test:444/',
  'javascript:alert(1)',
  '//evil.example',
  '/relative',
])('a provider never leads customers to %s', async (address) => {
  const { post } = await newCustomer()
  for (const [what, field] of [
    ['checkout', 'success_url'],
    ['checkout', 'cancel_url'],
    ['portal', 'return_url'],
  ] as const) {
    const plan = what === 'checkout' ? { plan: 'pro' } : {}
    const { status, body } = await post(what, { ...plan, [field]: address })
    expect([status, body.errors?.[0].path]).toEqual([400, `body.${field}`])
  }
})

test('without a subscription there is nothing to change, cancel or resume', async () => {
  const { post } = await newCustomer()
  for (const what of ['change', 'cancel', 'resume'])
    expect(await post(what, what === 'change' ? { plan: 'pro' } : {})).toMatchObject({
      status: 409,
      body: { code: 'no_subscription' },
    })
})

test('only owners and admins can see and do this, a key never spends money, and a stranger learns nothing', async () => {
  const { token, organizationId } = await newCustomer()
  const { key } = await newKeyHolder({ scopes: ['tollgate:billing:read'] })
  const other = await newUser()
  const memberOf = async (role: string) => {
    const person = await newUser()
    await sql.query('insert into memberships (organization_id, user_id, role) values ($1, $2, $3)', [
      organizationId,
      person.user.id,
      role,
    ])
    return person.token
  }
  const may = async (as: string) => [
    (await call(`GET /api/v1/auth/billing/info?organization_id=${organizationId}`, { token: as })).status,
    (await call('POST /api/v1/billing/checkout', { token: as, body: { organization_id: organizationId, plan: 'pro' } }))
      .status,
  ]
  expect(await may(token)).toEqual([200, 201])
  expect(await may(await memberOf('admin'))).toEqual([200, 201])
  expect(await may(await memberOf('member'))).toEqual([403, 403])
  expect(await may(await memberOf('viewer'))).toEqual([403, 403])
  expect((await call('GET /api/v1/auth/billing/info', { token: key })).status).toBe(200)
  for (const what of ['checkout', 'portal', 'change', 'cancel', 'resume']) {
    expect((await call(`POST /api/v1/billing/${what}`, { token: key, body: { plan: 'pro' } })).body.code).toBe(
      'user_only',
    )
    const ask = (id: string) =>
      call(`POST /api/v1/billing/${what}`, { token: other.token, body: { plan: 'pro', organization_id: id } })
    const [mine, unknown] = [await ask(organizationId), await ask(crypto.randomUUID())]
    expect(mine.status).toBe(404)
    expect(withoutRequestId(mine.body)).toEqual(withoutRequestId(unknown.body))
  }
})

test('responses match the document', async () => {
  const { document, operations } = await openApi()
  const { token, buy, organizationId } = await newCustomer('stripe')
  await buy('builder')
  const asked: [string, string, string, object?][] = [
    ['GET /api/v1/auth/billing/info', '', token],
    ['POST /api/v1/billing/portal', '', token, {}],
    ['POST /api/v1/billing/change', '', token, { plan: 'pro' }],
    ['POST /api/v1/billing/cancel', '', token, {}],
    ['POST /api/v1/billing/resume', '', token, {}],
    ['GET /api/v1/admin/billing/ledger', `?organization_id=${organizationId}`, await administrator()],
  ]
  for (const [line, query, as, body] of asked) {
    const answer = await call(line + query, { token: as, ...(body && { body }) })
    const schema = operations.find((one) => one.line === line)?.responses[answer.status]?.content?.['application/json']
      ?.schema
    expect(schema, `${line} ${answer.status} ${JSON.stringify(answer.body)}`).toBeDefined()
    expect(departures(answer.body, schema ?? {}, document), line).toEqual([])
  }
})
