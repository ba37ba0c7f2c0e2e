import { expect, test } from 'vitest'
import page from '../../../docs/operate/operator.md?raw'
import { administrator, call } from '../../support/http.ts'
import { openApi } from '../../support/openapi.ts'

const UNKNOWN = crypto.randomUUID()
const IDS: Readonly<Record<string, string>> = { LEDGER_ID: `${UNKNOWN}:tokens:1767225600:0` }

/** Every command of the page: its method, path, and body. */
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  .flatMap(([, block = '']) => block.replaceAll('\\\n', '').trim().split('\n'))
  .map((command) => {
    const [, method = 'GET', url = ''] =
      /^curl (?:-X (\w+) )?"?https:\/\/api\.example\.com(\/[^" ]+)/.exec(command) ?? []
    const [, body] = / -d '(.*)'$/.exec(command) ?? []
    return { command, line: `${method} ${url.replaceAll(/\$(\w+)/g, (_, name) => IDS[name] ?? UNKNOWN)}`, body }
  })

test.each(commands)(
  '$command does what the page says, or finds nothing under an id that nobody has',
  async ({ line, body }) => {
    const answer = await call(line, { token: await administrator(), ...(body && { body }) })
    if (line.startsWith('GET ')) expect(answer).toMatchObject({ status: 200, body: { data: expect.any(Array) } })
    else expect([answer.status, answer.body.code]).toEqual([404, expect.stringMatching(/_not_found$/)])
  },
)

test('the page has a command for each of its routes, and names their filters', async () => {
  expect(commands.length).toBeGreaterThan(8)
  const { operations } = await openApi()
  const asked = new Set(commands.map(({ line }) => line.split('?')[0]))
  const rows = [...page.matchAll(/^\| \[([^\]]+)\]\(#[^)]+\) \| `(GET [^`]+)` \| (.*)\|$/gm)]
  expect(rows.length).toBeGreaterThan(4)
  for (const [, title = '', line = '', acts = ''] of rows) {
    expect([...asked]).toContain(line)
    const [, section = ''] = page.split(`\n## ${title}\n`)
    const filters = operations.find((one) => one.line === line)?.parameters.map(({ name }) => name) ?? []
    for (const name of filters.filter((one) => !['limit', 'cursor'].includes(one)))
      expect(section.split('\n## ')[0], `${line} ${name}`).toContain(`\`${name}\``)
    for (const [, act = ''] of acts.matchAll(/`POST …\/\{id\}(\/[a-z-]+)`/g))
      expect(
        [...asked].some((one) => one?.startsWith(line.replace('GET', 'POST')) && one.endsWith(act)),
        act,
      ).toBe(true)
  }
})
