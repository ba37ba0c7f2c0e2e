import { describe, expect, inject, test } from 'vitest'
import { checkUsageAlerts } from '../../../src/usage/alerts/job.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder, setLimits } from '../../support/http.ts'
import { openApi } from '../../support/openapi.ts'

const { service_key } = inject('credentials')
const MONEY = /^\d+\.\d{6,}$/

/** Every value of a field or meter called `cost_usd`, however deep, by its path; an object's numbers one by one. */
function findMoney(value: unknown, path = '$', isMoney = false): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((one, at) => findMoney(one, `${path}[${at}]`, isMoney))
  if (typeof value !== 'object' || value === null) return isMoney && value !== null ? [[path, value]] : []
  const isOf = 'meter' in value && value.meter === 'cost_usd'
  return Object.entries(value).flatMap(([name, inner]) => {
    const isAmount = isMoney
      ? !['percent', 'threshold', 'outlook', 'at_limit'].includes(name) && !name.endsWith('_at')
      : false
    const beside = isOf && ['limit', 'used', 'held', 'remaining', 'requested'].includes(name)
    return findMoney(inner, `${path}.${name}`, name === 'cost_usd' || isAmount || beside)
  })
}

describe('money', () => {
  test('is decimal text in every answer, and comes in as text or as a number', async () => {
    const holder = await newKeyHolder()
    const { organizationId: organization_id, keyId: key_id, key, token } = holder
    const admin = await administrator()
    expect((await setLimits(organization_id, { cost_usd: '0.5' })).status).toBe(200)
    const [byText] = [await call('GET /api/v1/quotas', { token })]
    expect((await setLimits(organization_id, { cost_usd: 0.5 })).status).toBe(200)
    const byNumber = await call('GET /api/v1/quotas', { token })
    expect(byNumber.body.meters.cost_usd).toEqual(byText.body.meters.cost_usd)

    await call('POST /api/v1/usage?durability=sync', {
      token: service_key,
      body: { events: [{ key_id, cost_usd: 0.4 }] },
    })
    await checkUsageAlerts(directly(), Date.now())
    const reserve = (cost_usd: string | number) =>
      call('POST /api/v1/usage/reserve', { token: service_key, body: { key_id, cost_usd } })
    const plan = { name: 'Money', price_per_month_cents: 0, is_public: true }
    const meters = { cost_usd: { limit: '12.5', at_limit: 'block' } }
    const limits = { rate_limit_per_minute: 60, max_api_keys: 3, meters }
    const id = `money-${crypto.randomUUID().slice(0, 8)}`
    const answers = {
      verdict: (await call('POST /api/v1/keys/verify', { token: service_key, body: { key } })).body,
      quotas: byText.body,
      granted: (await reserve('0.01')).body,
      refused: (await reserve(3)).body,
      created: (await call('POST /api/v1/admin/plans', { token: admin, body: { id, ...plan, limits } })).body,
      changed: (
        await call(`PATCH /api/v1/admin/plans/${id}`, {
          token: admin,
          body: { limits: { meters: { cost_usd: { limit: 7.25, at_limit: 'block' } } } },
        })
      ).body,
      catalogue: (await call('GET /api/v1/billing/plans')).body,
      organization: (
        await call(`GET /api/v1/admin/organizations?search=${holder.user.email.split('@')[0]}`, { token: admin })
      ).body,
      billing: (await call('GET /api/v1/auth/billing/info', { token })).body,
      alerts: (await call('GET /api/v1/usage/alerts', { token })).body,
      forecast: (await call('GET /api/v1/usage/forecast', { token })).body,
      summary: (await call('GET /api/v1/usage/summary', { token })).body,
    }
    await call(`DELETE /api/v1/admin/plans/${id}`, { token: admin })
    for (const [name, answer] of Object.entries(answers)) {
      const found = findMoney(answer)
      expect(found.length, `${name} ${JSON.stringify(answer)}`).toBeGreaterThan(0)
      const numbers = found.filter(
        ([path, value]) => !path.includes('change') && !MONEY.test(String(typeof value === 'string' && value)),
      )
      expect(numbers, name).toEqual([])
    }
    expect(answers.changed.limits.meters.cost_usd.limit).toBe('7.250000')
  })

  test.each(['-1', 'NaN', 'Infinity', '1e400', '0.0000001', '1000000001', '1,5', '', null, true])(
    'that is %s is refused by name',
    async (limit) => {
      const { organizationId } = await newKeyHolder()
      const answer = await setLimits(organizationId, { cost_usd: limit as string, queries: 1 })
      if (limit === null) return expect(answer.status).toBe(200) // takes the limit away
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'body.cost_usd' }] } })
    },
  )

  test('is a string wherever the document has an answer with it', async () => {
    const { document } = await openApi()
    const schemas = document.components.schemas as Record<string, { properties?: Record<string, { type?: string }> }>
    const asNumber = Object.entries(schemas).filter(([name, { properties }]) => {
      const type = properties?.cost_usd?.type
      return !/^(Summary|UsageSummary)$/.test(name) && (type === 'number' || type === 'integer')
    })
    expect(asNumber.map(([name]) => name)).toEqual([])
  })
})
