import { describe, expect, test, vi } from 'vitest'
import { newCreditHolder } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call, newUser } from '../../../support/http.ts'
import { departures, openApi } from '../../../support/openapi.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const HOUR_MS = 3_600_000
const later = (hours: number) => new Date(Date.now() + hours * HOUR_MS).toISOString()

test('an organization without a grant has no credits and needs none', async () => {
  const { credits, ledger, spend } = await newCreditHolder()
  expect((await spend('5.00')).status).toBe(200)
  expect(await credits()).toEqual({
    uses_credits: false,
    balance: '0.000000',
    held: '0.000000',
    owed: '0.000000',
    low_balance: '0.000000',
    at_no_credits: 'block',
    is_low_balance_default: true,
    grants: [],
  })
  expect((await ledger()).body).toEqual({ data: [], next_cursor: null })
})

test('a grant pays for charges after it, to the nano-dollar, and for none before it', async () => {
  const { grant, credits, ledger, spend } = await newCreditHolder()
  await spend('3.00')
  const granted = await grant('1.00', { reason: 'Welcome' })
  expect(granted.status).toBe(201)
  expect(granted.body).toMatchObject({
    amount: '1.000000',
    remaining: '1.000000',
    priority: 0,
    source: 'admin',
    reason: 'Welcome',
    expires_at: null,
    revoked_at: null,
  })
  await spend('0.000000001')
  await spend('0.25')
  expect(await credits()).toMatchObject({
    uses_credits: true,
    balance: '0.749999999',
    owed: '0.000000',
    low_balance: '0.200000',
    grants: [{ ...granted.body, remaining: '0.749999999' }],
  })
  const { body } = await ledger()
  expect(body.data.map(({ kind, amount, reason, source }: any) => [kind, amount, reason, source])).toEqual([
    ['burn', '-0.250000001', null, 'admin'],
    ['grant', '1.000000', 'Welcome', 'admin'],
  ])
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === 'GET /api/v1/credits/ledger')
  expect(departures(body, declared?.responses['200']?.content?.['application/json']?.schema ?? {}, document)).toEqual(
    [],
  )
})

test('grants burn by earliest expiry, then by priority, then by age; grants without an expiry burn last', async () => {
  const { grant, credits, spend } = await newCreditHolder()
  for (const [amount, more] of [
    ['1.00', { reason: 'never' }],
    ['1.00', { reason: 'late', expires_at: later(48) }],
    ['1.00', { reason: 'soon, last', expires_at: later(24).replace(/\d\d\.\d{3}Z$/, '00.000Z'), priority: 5 }],
    ['1.00', { reason: 'soon, first', expires_at: later(24).replace(/\d\d\.\d{3}Z$/, '00.000Z'), priority: -5 }],
    ['1.00', { reason: 'never, younger' }],
  ] as const)
    expect((await grant(amount, more)).status).toBe(201)
  const order = ['soon, first', 'soon, last', 'late', 'never', 'never, younger']
  for (const left of [5, 4, 3, 2, 1]) {
    const { grants } = await credits()
    expect(grants.map(({ reason }: any) => reason)).toEqual(order.slice(5 - left))
    await spend('1.00')
  }
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000', grants: [] })
})

test('charges that no grant covers are owed, and the next grant pays them first', async () => {
  const { grant, credits, spend, organizationId } = await newCreditHolder()
  await grant('1.00')
  await spend('1.50')
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.500000' })
  await grant('2.00')
  expect(await credits()).toMatchObject({ balance: '1.500000', owed: '0.000000' })
  const [sums] = await sql.query(
    'select trim_scale(sum(amount))::text as balance from credit_ledger where organization_id = $1',
    [organizationId],
  )
  expect(sums).toEqual({ balance: '1.5' })
})

test('concurrent reads burn a charge once', async () => {
  const { grant, credits, spend, ledger } = await newCreditHolder()
  await grant('10.00')
  await spend('3.00')
  const answers = await Promise.all(Array.from({ length: 12 }, credits))
  expect(new Set(answers.map(({ balance }) => balance))).toEqual(new Set(['7.000000']))
  expect((await ledger()).body.data).toHaveLength(2)
})

describe('the operator', () => {
  test('revokes the rest of a grant, once, with a reason', async () => {
    const { grant, act, credits, spend, ledger, organizationId } = await newCreditHolder()
    const { body: first } = await grant('5.00')
    await spend('2.00')
    const revoked = await act(first.id, 'revoke', { reason: 'Abuse' })
    expect(revoked).toMatchObject({ status: 200, body: { remaining: '0.000000', amount: '5.000000' } })
    expect(revoked.body.revoked_at).toEqual(expect.any(String))
    expect((await act(first.id, 'revoke')).body).toEqual(revoked.body)
    expect(await credits()).toMatchObject({ balance: '0.000000', grants: [] })
    expect((await ledger()).body.data.map(({ kind, amount, reason }: any) => [kind, amount, reason])).toEqual([
      ['revoke', '-3.000000', 'Abuse'],
      ['burn', '-2.000000', null],
      ['grant', '5.000000', 'A test'],
    ])
    const acts = await sql.query(
      `select action, detail - 'expires_at' as detail from audit_logs where organization_id = $1 and action like 'admin.credits%' order by id`,
      [organizationId],
    )
    expect(acts).toEqual([
      { action: 'admin.credits_granted', detail: { amount_usd: '5.000000', source: 'admin', reason: 'A test' } },
      { action: 'admin.credits_revoked', detail: { amount_usd: '-3.000000', reason: 'Abuse' } },
    ])
  })

  test('corrects a grant up and down, but not below what has burned', async () => {
    const { grant, act, credits, spend } = await newCreditHolder()
    const { body: one } = await grant('5.00')
    await spend('2.00')
    expect((await act(one.id, 'correct', { amount: '-3.000000001' })).body).toMatchObject({
      code: 'credit_grant_spent',
      detail: '3.000000 is left of the grant.',
    })
    expect((await act(one.id, 'correct', { amount: '-3.00' })).body).toMatchObject({
      amount: '2.000000',
      remaining: '0.000000',
    })
    expect((await act(one.id, 'correct', { amount: 4.5 })).body).toMatchObject({
      amount: '6.500000',
      remaining: '4.500000',
    })
    expect(await credits()).toMatchObject({ balance: '4.500000' })
    await act(one.id, 'revoke')
    expect((await act(one.id, 'correct', { amount: '1.00' })).body.code).toBe('credit_grant_ended')
  })

  test('grants and corrects once per Idempotency-Key, even concurrently', async () => {
    const { grant, act, credits } = await newCreditHolder()
    const key = { 'Idempotency-Key': crypto.randomUUID() }
    const answers = await Promise.all(Array.from({ length: 6 }, () => grant('1.00', {}, key)))
    expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(0)
    const again = await grant('1.00', {}, key)
    expect(again.headers.get('Idempotent-Replayed')).toBe('true')
    expect(await credits()).toMatchObject({ balance: '1.000000', grants: [again.body] })
    const other = { 'Idempotency-Key': crypto.randomUUID() }
    await Promise.all(Array.from({ length: 6 }, () => act(again.body.id, 'correct', { amount: '0.50' }, other)))
    expect(await credits()).toMatchObject({ balance: '1.500000' })
  })

  test("names organizations by their own ids; the platform's, another's grant and wrong input are refused", async () => {
    const [mine, other] = await Promise.all([newCreditHolder(), newCreditHolder()])
    const token = await administrator()
    const externalId = `customer/${crypto.randomUUID()}`
    await sql.query('update organizations set external_id = $2 where id = $1', [mine.organizationId, externalId])
    const named = `/api/v1/admin/organizations/external_id:${encodeURIComponent(externalId)}/credits`
    const body = { amount: '1.00', reason: 'By name' }
    const granted = await call(`POST ${named}`, { token, body })
    expect(granted.status).toBe(201)
    expect(
      (await call(`GET /api/v1/credits?external_id=${encodeURIComponent(externalId)}`, { token })).body,
    ).toMatchObject({
      balance: '1.000000',
    })
    expect((await other.act(granted.body.id, 'revoke')).body.code).toBe('credit_grant_not_found')
    const [{ id: platform } = { id: '' }] = await sql.query('select id from organizations where is_platform')
    expect((await call(`POST /api/v1/admin/organizations/${platform}/credits`, { token, body })).body.code).toBe(
      'platform_organization',
    )
    for (const [field, value] of [
      ['amount', '0'],
      ['amount', '-1.00'],
      ['amount', '1.0000000001'],
      ['amount', '1000000.000000001'],
      ['amount', 'a lot'],
      ['amount', null],
      ['reason', ''],
      ['source', 'plan'],
      ['priority', 0.5],
      ['expires_at', later(-1)],
    ] as const) {
      const answer = await mine.grant('1.00', { [field]: value })
      expect([answer.status, answer.body.errors?.[0]?.path], `${field} ${value}`).toEqual([400, `body.${field}`])
    }
    expect(await mine.credits()).toMatchObject({ balance: '1.000000' })
  })

  test('is the only one who can grant: a member and a stranger cannot', async () => {
    const { path, credits, token, grant } = await newCreditHolder()
    const { body } = await grant('1.00')
    for (const one of [token, (await newUser()).token])
      for (const line of [path, `${path}/${body.id}/revoke`, `${path}/${body.id}/correct`])
        expect((await call(`POST ${line}`, { token: one, body: { amount: '1.00', reason: 'x' } })).status).toBe(404)
    expect(await credits()).toMatchObject({ balance: '1.000000' })
  })
})

test('the ledger is read page by page and is append-only', async () => {
  const { grant, ledger, organizationId } = await newCreditHolder()
  for (const amount of ['1.00', '2.00', '3.00']) await grant(amount)
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const { body }: { body: any } = await ledger(`?limit=1${cursor && `&cursor=${cursor}`}`)
    seen.push(...body.data.map(({ amount }: any) => amount))
    cursor = body.next_cursor
  }
  expect(seen).toEqual(['3.000000', '2.000000', '1.000000'])
  for (const statement of ['update credit_ledger set amount = 9', 'delete from credit_ledger'])
    await expect(sql.query(`${statement} where organization_id = $1`, [organizationId])).rejects.toThrow('append-only')
})

test('the organization sets the balance that counts as low; by default it is a share of the latest grant', async () => {
  const { grant, token } = await newCreditHolder()
  const set = (low_balance: unknown) => call('PUT /api/v1/credits/low-balance', { token, body: { low_balance } })
  expect((await set('5.00')).body.code).toBe('no_credits')
  await grant('40.00')
  expect((await set('5.00')).body).toMatchObject({ low_balance: '5.000000', is_low_balance_default: false })
  expect((await set(null)).body).toMatchObject({ low_balance: '8.000000', is_low_balance_default: true })
  expect((await set('-1')).body.errors[0].path).toBe('body.low_balance')
})
