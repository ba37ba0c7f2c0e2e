import { expect, inject, test } from 'vitest'
import guide from '../../../docs/guides/your-own-users.md?raw'
import serviceKeys from '../../../docs/operate/service-keys.md?raw'
import { administrator, call } from '../../support/http.ts'

/** The curl commands of a page, in their order. */
const commandsOf = (page: string) =>
  [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', '').trim().split('\n'))
    .filter((line) => line.startsWith('curl '))

/** A command as `call` takes it, with what the reader has kept so far. */
function parse(command: string, variables: Readonly<Record<string, string>>) {
  const said = command
    .replaceAll(/'\$(\w+)'|\$(\w+)/g, (_, quoted, plain) => variables[quoted ?? plain] ?? '')
    .replaceAll(/user_42|customer-42|answer-1/g, (id) => `${id}-${variables.RUN}`) // the page's ids, each run its own
  const [, method = 'GET', path = ''] = /^curl (?:-X (\w+) )?"?http:\/\/localhost:8000(\/[^" ]+)/.exec(said) ?? []
  const [, token] = /Bearer ([^"]+)"/.exec(said) ?? []
  const [, body] = / -d '(.*)'$/.exec(said) ?? []
  return { path, line: `${method} ${path}`, options: { ...(token && { token }), ...(body && { body }) } }
}

/** What the page says to keep of an answer: under which name, from which field. */
const KEPT = [
  ['/login', 'TOKEN', 'access_token'],
  ['/service-keys', 'SERVICE_KEY', 'key'],
  ['/api-keys', 'API_KEY', 'key'],
] as const

/** Runs commands one after the other, as a reader does. */
async function follow(commands: readonly string[], variables: Record<string, string>) {
  const answers = []
  for (const command of commands) {
    const { path, line, options } = parse(command, variables)
    const { status, body } = await call(line, options)
    answers.push({ command, status, body })
    for (const [end, name, field] of KEPT) if (path.endsWith(end)) variables[name] = body[field]
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
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 200, 201, 201])
})
