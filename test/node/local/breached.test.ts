import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stack } from '../../../local/stack/stack.ts'
import { openStack } from './support.ts'

let stack: Stack
beforeAll(async () => {
  stack = await openStack()
})
afterAll(() => stack.close())

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase()
const BREACHED = sha1('breached-password-123')

async function range(prefix: string, headers = {}) {
  const response = await fetch(`${stack.url}/breached/range/${prefix}`, { headers })
  return { status: response.status, lines: (await response.text()).split('\r\n').filter(Boolean) }
}

test('a prefix of a breached password returns the rest of its hash and its count, in either case', async () => {
  const known = { status: 200, lines: [`${BREACHED.slice(5)}:1234`] }
  expect(await range(BREACHED.slice(0, 5))).toEqual(known)
  expect(await range(BREACHED.slice(0, 5).toLowerCase())).toEqual(known)
})

test('another prefix returns nothing', async () => {
  expect(await range('00000')).toEqual({ status: 200, lines: [] })
})

test('with Add-Padding there are lines with a count of 0, different each time', async () => {
  const [first, second] = [
    await range('00000', { 'Add-Padding': 'true' }),
    await range('00000', { 'Add-Padding': 'true' }),
  ]
  expect(first.lines).toHaveLength(20)
  for (const line of first.lines) expect(line).toMatch(/^[0-9A-F]{35}:0$/)
  expect(second.lines).not.toEqual(first.lines)
})

test.each(['', '1234', '123456', 'ghijk', BREACHED])('the prefix %j is refused', async (prefix) => {
  expect((await range(prefix)).status).toBe(400)
})

test('its service is counted, and a fault is aimed at it by the path', async () => {
  const control = (method: string, path: string, body?: object) =>
    fetch(`${stack.url}/control/${path}`, { method, ...(body && { body: JSON.stringify(body) }) })
  await control('DELETE', 'counters')
  await control('POST', 'faults', { door: 'breached', kind: 'status', value: 503, match: '/range/0000A' })

  expect((await range('0000A')).status).toBe(503)
  expect((await range('0000B')).status).toBe(200)
  expect((await (await control('GET', 'counters')).json()).breached).toEqual({ requests: 2 })
  await control('DELETE', 'faults')
})
