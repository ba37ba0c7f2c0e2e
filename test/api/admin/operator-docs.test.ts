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
    if (line.startsWith('GET ')) expect(answer).toMatchObject({ status: 200, body: expect.any(Object) })
    else expect([answer.status, answer.body.code]).toEqual([404, expect.stringMatching(/_not_found$/)])
  },
)

const rows = [...page.matchAll(/^\| \[([^\]]+)\]\(#[^)]+\) \| `(GET [^`]+)` \| (.*)\|$/gm)]
const { operations } = await openApi()

test.each(rows.map(([, title = '', line = '', acts = '']) => ({ title, line, acts })))(
  'the section on $title has a command for each of its routes, and names their filters',
  ({ title, line, acts }) => {
    const [section = ''] = page.split(`\n## ${title}\n`)[1]?.split('\n## ') ?? []
    const parameters = operations.find((one) => one.line === line)?.parameters.map(({ name }) => name) ?? []
    const filters = parameters.filter((name) => !['limit', 'cursor'].includes(name))
    expect(filters.filter((name) => !section.includes(`\`${name}\``))).toEqual([])
    const ends = [...acts.matchAll(/`POST …\/\{id\}(\/[a-z-]+)`/g)].map(([, end = '']) => end)
    const asked = commands.map((one) => one.line.split('?')[0] ?? '')
    expect(asked).toContain(line)
    const posts = asked.filter((one) => one.startsWith(line.replace('GET', 'POST')))
    expect(ends.filter((end) => !posts.some((one) => one.endsWith(end)))).toEqual([])
  },
)

test('a table of states has each state of its list, and no other', () => {
  const tables = rows.flatMap(([, title = '', line = '']) => {
    const [section = ''] = page.split(`\n## ${title}\n`)[1]?.split('\n## ') ?? []
    const table = section.split(/^\| `state` \|.*\n/m)[1]?.split('\n\n')[0]
    return table === undefined ? [] : [{ line, table }]
  })
  expect(tables.length).toBeGreaterThanOrEqual(2)
  for (const { line, table } of tables) {
    const state = operations.find((one) => one.line === line)?.parameters.find(({ name }) => name === 'state')
    const names = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name)
    expect(new Set(names), line).toEqual(new Set(state?.schema.enum))
  }
})

test('the page has all six', () => {
  expect(rows.length).toBeGreaterThanOrEqual(6)
  expect(commands.length).toBeGreaterThanOrEqual(10)
})
