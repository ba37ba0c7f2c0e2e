import { expect, test } from 'vitest'
import guide from '../../../../docs/guides/credits.md?raw'
import page from '../../../../docs/operate/credits.md?raw'
import { CREDIT_KINDS } from '../../../../src/db/schema/credits.ts'
import { newPricedHolder } from '../../../support/call-prices.ts'
import { commandsOf, follow } from '../../../support/commands.ts'
import { administrator, call, newUser } from '../../../support/http.ts'

/** The names in an example of the page. */
function namesIn(text: string, at: number): string[] {
  const [, block = ''] = [...text.matchAll(/^```json\n([\s\S]*?)^```/gm)][at] ?? []
  return [...block.matchAll(/"([a-z_]+)":/g)].map(([, name = '']) => name)
}

test('the commands of the guide to credits do what it says', async () => {
  const { token: TOKEN, user } = await newUser()
  const path = `/api/v1/admin/organizations/${user.organization_id}/credits`
  await call(`POST ${path}`, { token: await administrator(), body: { amount: '25.00', reason: 'To begin with' } })
  const answers = await follow(commandsOf(guide), { TOKEN })
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 201, 200, 200])
  const grant = answers[0]?.body.grants[0]
  for (const name of namesIn(guide, 0)) expect({ ...answers[0]?.body, ...grant }, name).toHaveProperty(name)
  for (const name of namesIn(guide, 1)) expect(answers[2]?.body, name).toHaveProperty(name)
  for (const name of namesIn(guide, 2)) expect(answers[4]?.body, name).toHaveProperty(name)
  for (const kind of CREDIT_KINDS) expect(guide).toContain(`| \`${kind}\` |`)
})

test('the commands of the page on selling credits do what it says', async () => {
  const { user } = await newUser()
  const variables: Record<string, string> = {
    ORGANIZATION_ID: user.organization_id,
    ADMIN_TOKEN: await administrator(),
    PLAN_ID: (await newPricedHolder(null)).plan,
  }
  const [grant = '', ...others] = commandsOf(page)
  const [granted] = await follow([grant], variables)
  expect(granted?.status).toBe(201)
  expect(Object.keys(granted?.body).toSorted()).toEqual(namesIn(page, 0).toSorted())
  variables.GRANT_ID = granted?.body.id
  const changed = await follow(others, variables)
  expect(changed.map(({ status, body }) => [status, body.remaining ?? body.price_per_call_usd])).toEqual([
    [200, '20.000000'],
    [200, '0.000000'],
    [200, '0.000500'],
  ])
})
