import { expect, test } from 'vitest'
import page from '../../../docs/operate/support.md?raw'
import { administrator, call, eventually, newKeyHolder, verify } from '../../support/http.ts'

const token = await administrator()
const holder = await newKeyHolder({ name: 'Production' })
const { body: verdict } = await verify(holder.key)
const VALUES: Readonly<Record<string, string>> = {
  $ORGANIZATION_ID: holder.organizationId,
  $REQUEST_ID: verdict.request_id,
  'ck_live_8Qf3…': holder.key,
}
const fill = (text: string) => Object.entries(VALUES).reduce((all, [name, value]) => all.replaceAll(name, value), text)

/** Every command of the page: its method, path, and body. */
const commands = [...page.matchAll(/^```\n(curl [\s\S]*?)^```/gm)]
  .flatMap(([, block = '']) =>
    block
      .replaceAll(/\\\n */g, '')
      .trim()
      .split('\n'),
  )
  .map((command) => {
    const [, method = 'GET', path = ''] =
      /^curl (?:-X (\w+) )?"?https:\/\/api\.example\.com(\/[^" ]+)/.exec(command) ?? []
    return { command, line: fill(`${method} ${path}`), body: / -d '(.*)'$/.exec(command)?.[1] }
  })
const shown = [...page.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, text = '']) => text)

test.each(commands)('$command does what the page says', async ({ line, body }) => {
  const answer = await eventually(
    () => call(line, { token, ...(body !== undefined && { body: fill(body) }) }),
    ({ status }) => status !== 404, // until the event of the request is written
  )
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
})

test('the responses on the page have the fields that are returned', async () => {
  const key = (await call('POST /api/v1/admin/keys/lookup', { token, body: { key: holder.key } })).body
  const { body: request } = await eventually(
    () => call(`GET /api/v1/admin/requests/${verdict.request_id}`, { token }),
    ({ status }) => status === 200,
  )
  const known = new Set([...namesIn(key), ...namesIn(request)])
  for (const text of shown) {
    const named = [...text.matchAll(/"(\w+)":/g)].map(([, name = '']) => name)
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  }
  expect(commands).toHaveLength(4)
  expect(shown).toHaveLength(2)
})

function* namesIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) yield name
    yield* namesIn(member)
  }
}
