import { expect, test } from 'vitest'
import page from '../../../docs/guides/limits.md?raw'
import { LIMIT_METERS } from '../../../src/db/schema/shapes.ts'
import { CALENDAR_PERIODS } from '../../../src/lib/calendar.ts'
import { commandsOf, parseCommand } from '../../support/curl.ts'
import { administrator, call } from '../../support/http.ts'

test('the commands of the page on limits do what it says', async () => {
  const variables: Record<string, string> = { RUN: crypto.randomUUID() }
  const token = await administrator()
  const scopes = ['platform:*']
  const service = await call('POST /api/v1/admin/service-keys', { token, body: { name: 'Back end', scopes } })
  variables['SERVICE_KEY'] = service.body.key
  const customer = `customer-42-${variables['RUN']}`
  await call(`PUT /api/v1/admin/organizations/by-external-id/${customer}`, {
    token,
    body: { name: 'Acme', plan: 'pro' },
  })
  const answers = []
  for (const command of commandsOf(page)) {
    const { line, options } = parseCommand(command, variables)
    const { status, body } = await call(line, options)
    answers.push({ status, body })
    if (body.key) Object.assign(variables, { KEY: body.key, KEY_ID: body.id, ORGANIZATION_ID: body.organization_id })
    if (body.reservation_id) variables['RESERVATION_ID'] = body.reservation_id
  }
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200, 200])
  const [issued, verdict, reserved, settled, limited, again] = answers.map(({ body }) => body)
  expect(verdict.limits).toMatchObject({
    tokens: { meter: 'tokens', limit: 20_000, remaining: 20_000 },
    budget: { meter: 'cost_usd', limit: '10.000000', remaining: '10.000000' },
    images: { limit: 50, remaining: 49 },
  })
  expect(reserved).toMatchObject({ granted: true, held: { tokens: 4_900, cost_usd: '0.042250' } })
  expect(reserved.limits.tokens).toMatchObject({ held: 4_900, remaining: 15_100 })
  expect(reserved.limits.budget).toMatchObject({ held: '0.042250' })
  expect(settled).toMatchObject({ outcome: 'settled', released: true })
  expect(limited.organization_limits).toMatchObject([
    { name: 'tokens', limit: 2_000_000, remaining: 2_000_000 },
    { name: 'budget', limit: '500.000000', used: '0.014700', remaining: '499.985300' },
    { name: 'hourly', meter: 'requests', limit: 10_000 },
  ])
  expect(again).toMatchObject({ granted: true, held: { tokens: 4_900 } })
  const left = await call(`GET /api/v1/auth/api-keys/${issued.id}/limits?external_id=${customer}`, {
    token: variables['SERVICE_KEY'] ?? '',
  })
  expect(left.body.limits).toMatchObject({
    tokens: { remaining: 20_000 - 2_130 - 4_900, held: 4_900 },
    budget: { remaining: '9.943050', held: '0.042250' },
  })
})

test('the page names every meter and every period', () => {
  for (const name of [...LIMIT_METERS, ...CALENDAR_PERIODS]) expect(page).toContain(`\`${name}\``)
})
