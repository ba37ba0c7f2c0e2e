import { expect, inject, test } from 'vitest'
import guide from '../../../docs/guides/your-own-users.md?raw'
import serviceKeys from '../../../docs/operate/service-keys.md?raw'
import { commandsOf, follow } from '../../support/commands.ts'
import { administrator } from '../../support/http.ts'

test('following “You already have users” leads from nothing to a metered call', async () => {
  const { admin } = inject('credentials')
  const variables = { RUN: crypto.randomUUID(), ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password }
  const answers = await follow(commandsOf(guide), variables)
  expect(answers.map(({ status }) => status)).toEqual([200, 201, 201, 201, 200, 200, 200, 200, 200])
  const [, , customer, , verdict, usage, quotas, , again] = answers.map(({ body }) => body)
  expect(verdict).toMatchObject({ valid: true, external_id: customer.external_id })
  expect(usage).toMatchObject({ accepted: 1, rejected: [] })
  expect(quotas.meters).toMatchObject({ api_calls: { used: 1 }, tokens: { used: 1_020 } })
  expect(again).toMatchObject({ id: customer.id, metadata: { tier: 'gold' } })
})

test('the commands of the page on service keys do what it says', async () => {
  const variables = { RUN: crypto.randomUUID(), TOKEN: await administrator() }
  const answers = await follow(commandsOf(serviceKeys), variables)
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 200, 201, 201])
})
