import { exports } from 'cloudflare:workers'
import { describe, expect, inject, test } from 'vitest'
import { checkUsageAlerts } from '../../../src/usage/alerts/job.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, setLimits } from '../../support/http.ts'
import { openApi, type Schema, typesOf } from '../../support/openapi.ts'
import { newReceiver } from '../../support/webhooks.ts'

const { service_key } = inject('credentials')
const MONEY = /^\d+\.\d{6,}$/
/** The fields of a meter's reading other than amounts. */
const NO_AMOUNT = /^(percent|threshold|outlook|at_limit|.*_at)$/
const BESIDE_METER = /^(limit|used|held|remaining|requested)$/
/** Changes in percent, and unit prices: a `cost_usd` in there is not an amount. */
const NO_METERS = /^(change|overage)$/

/** Every amount of `cost_usd`, however deep, by its path. */
function findMoney(value: unknown, path = '$', isMoney = false): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((one, at) => findMoney(one, `${path}[${at}]`, isMoney))
  if (typeof value !== 'object' || value === null) return isMoney && value !== null ? [[path, value]] : []
  const isOfMoney = 'meter' in value && value.meter === 'cost_usd'
  return Object.entries(value).flatMap(([name, inner]) => {
    if (NO_METERS.test(name) && typeof inner === 'object') return []
    const isAmount = (isMoney && !NO_AMOUNT.test(name)) || (isOfMoney && BESIDE_METER.test(name))
    return findMoney(inner, `${path}.${name}`, name === 'cost_usd' || isAmount)
  })
}

/** A plan with a limit of dollars, which `close` takes away again. */
async function newPlan(limit: string | number, is_public = false) {
  const token = await administrator()
  const id = `money-${crypto.randomUUID().slice(0, 8)}`
  const limits = (of: string | number) => ({ meters: { cost_usd: { limit: of, at_limit: 'block' } } })
  const body = {
    id,
    name: 'Money',
    prices: [{ interval: 'month', currency: 'usd', amount_cents: 0 }],
    is_public,
    limits: { rate_limit_per_minute: 60, max_api_keys: 3, ...limits(limit) },
  }
  const created = await call('POST /api/v1/admin/plans', { token, body })
  const change = (to: string | number) =>
    call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { limits: limits(to) } })
  const close = () => call(`DELETE /api/v1/admin/plans/${id}`, { token })
  const audited = async () =>
    (await call(`GET /api/v1/admin/audit-logs?limit=100&target_id=${id}`, { token })).body.data.filter(
      ({ target }: { target: { id: string } | null }) => target?.id === id,
    )
  return { id, created, change, close, audited }
}

/** Everybody who receives amounts, by the channel. */
async function collectAnswers() {
  const holder = await newKeyHolder()
  const { organizationId: organization_id, keyId: key_id, key, token } = holder
  const admin = await administrator()
  const receiver = await newReceiver(token)
  const overridden = await setLimits(organization_id, { cost_usd: '0.5' })
  const spent = { key_id, cost_usd: 0.4 }
  await call('POST /api/v1/usage?durability=sync', { token: service_key, body: { events: [spent] } })
  await checkUsageAlerts(directly(), Date.now())
  const told = `select payload from webhook_deliveries where endpoint_id = $1 and type like 'quota.%'`
  const get = async (path: string, as = token) => (await call(`GET /api/v1/${path}`, { token: as })).body
  const reserve = async (cost_usd: string | number) =>
    (await call('POST /api/v1/usage/reserve', { token: service_key, body: { key_id, cost_usd } })).body
  const plan = await newPlan('12.5', true)
  const answers = {
    overridden: overridden.body,
    verdict: (await call('POST /api/v1/keys/verify', { token: service_key, body: { key } })).body,
    verdictOverRpc: await exports.Tollgate.verifyKey({ key }),
    quotas: await get('quotas'),
    quotasOverRpc: await exports.Tollgate.getQuotas({ organization_id }),
    granted: await reserve('0.01'),
    grantedOverRpc: await exports.Tollgate.reserve({ key_id, cost_usd: 0.01 }),
    refused: await reserve(3),
    refusedOverRpc: await exports.Tollgate.reserve({ key_id, cost_usd: '3' }),
    plan: plan.created.body,
    changedPlan: (await plan.change(7.25)).body,
    plans: await get('admin/plans', admin),
    catalog: await get('billing/plans'),
    organization: await get(`admin/organizations?search=${holder.user.email.split('@')[0]}`, admin),
    billing: await get('auth/billing/info'),
    alerts: await get('usage/alerts'),
    webhooks: await directly().sql.query(told, [receiver.id]),
    deliveries: await get(`webhook-endpoints/${receiver.id}/deliveries`),
    forecast: await get('usage/forecast'),
    summary: await get('usage/summary'),
    events: await get('usage/events'),
    auditLog: await get('audit-logs'),
  }
  await plan.close()
  return { ...answers, auditOfPlans: await plan.audited() }
}

describe('money', () => {
  test('is decimal text in every output: HTTP, RPC, webhooks and the audit log', async () => {
    const answers = await collectAnswers()
    for (const [name, answer] of Object.entries(answers)) {
      const found = findMoney(answer)
      expect.soft(found.length, `${name} ${JSON.stringify(answer)}`).toBeGreaterThan(0)
      const others = found.filter(([, value]) => typeof value !== 'string' || !MONEY.test(value))
      expect.soft(others, name).toEqual([])
    }
    expect(answers.verdict.quotas.cost_usd).toMatchObject({
      limit: '0.500000',
      used: '0.400000',
      remaining: '0.100000',
    })
    expect(answers.verdict.quotas.api_calls.used).toEqual(expect.any(Number))
    expect(answers.webhooks[0]?.payload.data).toMatchObject({ meter: 'cost_usd', limit: '0.500000', used: '0.400000' })
    expect(answers.changedPlan.limits.meters.cost_usd.limit).toBe('7.250000')
    expect(answers.auditOfPlans).toHaveLength(3)
  })

  test.each([
    ['0.3', 0.1 + 0.2, '0.300000'],
    ['0.000001', 0.000001, '0.000001'],
    ['4.20', 4.2, '4.200000'],
    ['1e3', 1e3, '1000.000000'],
    ['17051662.193936000', 17051662.193936, '17051662.193936'],
    ['999999999.999999', 999999999.999999, '999999999.999999'],
    ['0', 0, '0.000000'],
  ])('is accepted as %j and as %d, which are the same', async (text, number, told) => {
    const { organizationId, key } = await newKeyHolder()
    const stored = []
    for (const limit of [text, number]) {
      const { body } = await setLimits(organizationId, { cost_usd: limit })
      const look = `select limit_overrides->>'cost_usd' as amount from organizations where id = $1`
      stored.push((await directly().sql.query(look, [organizationId]))[0]?.amount)
      expect(body.meters.cost_usd.limit).toBe(told)
      const { body: verdict } = await call('POST /api/v1/keys/verify', { token: service_key, body: { key } })
      expect(verdict.quotas.cost_usd.limit).toBe(told)
    }
    expect(stored[0]).toBe(stored[1])
    const plan = await newPlan(text)
    const limits = [plan.created, await plan.change(1), await plan.change(number)]
    await plan.close()
    expect(limits.map(({ body }) => body.limits.meters.cost_usd.limit)).toEqual([told, '1.000000', told])
  })

  test('is reserved and reported equally as text and as number', async () => {
    const [byText, byNumber] = [await newKeyHolder(), await newKeyHolder()]
    const told = []
    for (const [{ keyId: key_id, token, organizationId }, cost_usd] of [
      [byText, '0.25'],
      [byNumber, 0.25],
    ] as const) {
      await setLimits(organizationId, { cost_usd: 1 })
      await call('POST /api/v1/usage?durability=sync', { token: service_key, body: { events: [{ key_id, cost_usd }] } })
      const { body } = await call('POST /api/v1/usage/reserve', { token: service_key, body: { key_id, cost_usd } })
      const { limit, used, held } = (await call('GET /api/v1/quotas', { token })).body.meters.cost_usd
      told.push([body.held, { limit, used, held }])
    }
    expect(told[0]).toEqual([{ cost_usd: '0.250000' }, { limit: '1.000000', used: '0.250000', held: '0.250000' }])
    expect(told[1]).toEqual(told[0])
  })

  test.each([
    '-1',
    'NaN',
    'Infinity',
    '1e400',
    '0.0000001',
    '0.00000010',
    '1e-7',
    '1000000001',
    '1,5',
    '',
    true,
    {},
    -1,
    1e-7,
  ])('that is %j is refused by name', async (limit) => {
    const { organizationId } = await newKeyHolder()
    const answer = await setLimits(organizationId, { cost_usd: limit, queries: 1 })
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'body.cost_usd' }] } })
    const plan = await newPlan(limit as string)
    const errors = [{ path: 'body.limits.meters.cost_usd.limit' }]
    expect(plan.created).toMatchObject({ status: 400, body: { errors } })
  })

  test('that is null removes the limit', async () => {
    const { organizationId } = await newKeyHolder()
    await setLimits(organizationId, { cost_usd: 1 })
    const { status, body } = await setLimits(organizationId, { cost_usd: null })
    expect([status, body.meters.cost_usd.limit]).toEqual([200, null])
  })

  test('is a string wherever the document has a response with it', async () => {
    const { document, operations } = await openApi()
    const answers = operations.flatMap(({ responses }) => Object.values(responses))
    const schemas = answers.flatMap(({ content }) => Object.values(content ?? {}).map(({ schema }) => schema))
    const amounts = [...new Map(schemas.flatMap((schema) => findAmounts(schema, document)))]
    expect(amounts.length).toBeGreaterThan(30)
    expect(amounts.filter(([, types]) => types !== 'string' && types !== 'string or null')).toEqual([])
  })
})

type Branching = Schema & Readonly<Partial<Record<'oneOf' | 'anyOf' | 'allOf', readonly Schema[]>>>

/** Every amount of `cost_usd` that a schema has, by its path, with its types. */
function findAmounts(given: Schema, document: any, path = '$', isMoney = false): [string, string][] {
  const name = given.$ref?.split('/').at(-1)
  if (name) return findAmounts(document.components.schemas[name], document, name, isMoney)
  const branches = branchesOf(given)
  const types = [given, ...branches].flatMap(typesOf)
  if (isMoney && !types.includes('object')) return [[path, types.toSorted().toReversed().join(' or ')]]
  return [
    ...branches.flatMap((one, at) => findAmounts(one, document, `${path}|${at}`, isMoney)),
    ...(given.items ? findAmounts(given.items, document, `${path}[]`) : []),
    ...findInMembers(given, document, path, isMoney),
  ]
}

const branchesOf = ({ oneOf = [], anyOf = [], allOf = [] }: Branching) => [...oneOf, ...anyOf, ...allOf]

function findInMembers({ properties = {} }: Schema, document: any, path: string, isMoney: boolean) {
  const members = Object.entries(properties).filter(([name]) => isMoney || !NO_METERS.test(name))
  return members.flatMap(([name, member]) => {
    const isAmount = name === 'cost_usd' || (isMoney && !NO_AMOUNT.test(name))
    return findAmounts(member, document, `${path}.${name}`, isAmount)
  })
}
