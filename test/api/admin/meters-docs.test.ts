import { expect, test } from 'vitest'
import page from '../../../docs/operate/meters.md?raw'
import { commandsOf, parseCommand } from '../../support/curl.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { newServiceKey } from '../../support/customers.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'

/** The answers that the page shows, in their order. */
const answers = [...page.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, block = '']) => JSON.parse(block))

test('every command of the page does what the page says, one after the other', async () => {
  await defineMeters() // the page's meter is one of those that tests share
  const holder = await newKeyHolder()
  const token = await administrator()
  const plan = `p${crypto.randomUUID().slice(0, 8)}`
  const limits = { rate_limit_per_minute: 60, max_api_keys: 5, meters: {} }
  const body = {
    id: plan,
    name: 'Images',
    prices: [{ interval: 'month', currency: 'usd', amount_cents: 900 }],
    is_public: false,
    limits,
  }
  expect((await call('POST /api/v1/admin/plans', { token, body })).status).toBe(201)
  const variables: Record<string, string> = {
    ADMIN_TOKEN: (await newServiceKey(...asked('ADMIN_TOKEN'))).key,
    SERVICE_KEY: (await newServiceKey(...asked('SERVICE_KEY'))).key,
    PLAN: plan,
    ORGANIZATION: holder.organizationId,
    KEY: holder.key,
    KEY_ID: holder.keyId,
  }
  const got: unknown[] = []
  for (const command of commandsOf(page)) {
    const { line, options } = parseCommand(command, variables)
    const answer = await call(line, options)
    if (line !== 'POST /api/v1/admin/meters') expect(answer.status, command).toBe(200)
    variables.RESERVATION ??= answer.body.reservation_id
    got.push(answer.body)
  }
  expect(got).toHaveLength(8)
  expect(got[0]).toMatchObject({ code: 'meter_exists' })
  expect(got[1]).toMatchObject({ overage: { images: { tiers: [{ up_to: null, unit_price_usd: '0.04' }] } } })
  for (const answer of answers) expect(got).toContainEqual(expect.objectContaining({ ...matching(answer) }))
})

/** The scopes that the page asks for where it says what a variable is. */
function asked(name: string): string[] {
  const [, scopes = ''] = new RegExp(`\`${name}\` is [^;.]*service key with\\s([^;.]*)[;.]`).exec(page) ?? []
  return [...scopes.matchAll(/`([^`]+)`/g)].map(([, scope = '']) => scope)
}

/** Every field that the page shows, and no more. */
const matching = (answer: object): object =>
  Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? expect.objectContaining(matching(value)) : value,
    ]),
  )
