import { expect, inject, test } from 'vitest'
import guide from '../../../docs/guides/your-own-users.md?raw'
import serviceKeys from '../../../docs/operate/service-keys.md?raw'
import { administrator, call } from '../../support/http.ts'

/** The curl commands of a page, in their order. */
const commandsOf = (page: string) =>
  [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', '').trim().split('\n'))
    .filter((line) => line.startsWith('curl '))

/** Runs commands one after the other, as a reader who keeps what the page says to keep. */
async function follow(commands: readonly string[], variables: Record<string, string>) {
  const answers = []
  for (const command of commands) {
    const said = command
      .replaceAll(/'\$(\w+)'/g, (_, name) => variables[name] ?? '')
      .replaceAll(/\$(\w+)/g, (_, name) => variables[name] ?? '')
      .replaceAll(/user_42|customer-42|answer-1/g, (id) => `${id}-${variables.RUN}`) // the page's ids, each run its own
    const [, method = 'GET', path = ''] = /^curl (?:-X (\w+) )?"?http:\/\/localhost:8000(\/[^" ]+)/.exec(said) ?? []
    const [, token] = /Bearer ([^"]+)"/.exec(said) ?? []
    const [, body] = / -d '(.*)'$/.exec(said) ?? []
    const answer = await call(`${method} ${path}`, { ...(token && { token }), ...(body && { body }) })
    answers.push({ command, status: answer.status, body: answer.body })
    if (path.endsWith('/login')) variables.TOKEN = answer.body.access_token
    if (path.endsWith('/service-keys')) variables.SERVICE_KEY = answer.body.key
    if (path.endsWith('/api-keys')) variables.API_KEY = answer.body.key
  }
  return answers
}

test('whoever follows “You already have users” gets from nothing to a metered call', async () => {
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
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 200])
})
