import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { keepMemory } from '../../../local/stack/memory.ts'
import { LOCAL_BILLING } from '../../../local/stack/payments/routes.ts'
import type { Stack } from '../../../local/stack/stack.ts'
import { connectUpstash, openStack, sendMail, uniqueName } from './support.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-memory-'))
})

afterAll(() => rm(folder, { recursive: true }))

const json = async (stack: Stack, path: string, body?: object, headers: Record<string, string> = {}) => {
  const post = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  }
  const response = await fetch(
    `${stack.url}${path}`,
    body ? post : { headers: { Accept: 'application/json', ...headers } },
  )
  return response.json()
}

test('a restart keeps emails, caught webhooks, subscriptions and the embedded Redis, including expiries', async () => {
  const memoryFile = join(folder, 'kept')
  const before = await openStack({ memoryFile })
  const name = uniqueName()
  await sendMail(before, { to: `${name}@example.com` }, { 'Idempotency-Key': name })
  await fetch(`${before.url}/webhooks/catch/${name}`, { method: 'POST', body: 'caught' })
  const polar = { Authorization: `Bearer ${LOCAL_BILLING.polar.token}` }
  const products = Object.keys((await json(before, '/polar/state')).products ?? {})
  const customer = await json(before, '/polar/v1/customers', { email: 'ada@example.com', external_id: name }, polar)
  const redis = connectUpstash(before)
  await Promise.all([redis.hset(`${name}:hash`, { used: 7 }), redis.set(`${name}:brief`, 1, { px: 100_000 })])
  await before.close()

  const after = await openStack({ memoryFile })
  expect(await json(after, `/outbox?to=${name}@example.com`)).toHaveLength(1)
  await sendMail(after, { to: `${name}@example.com` }, { 'Idempotency-Key': name })
  expect(await json(after, `/outbox?to=${name}@example.com`)).toHaveLength(1)
  expect(await json(after, `/webhooks?path=/webhooks/catch/${name}`)).toMatchObject([{ body: 'caught' }])
  expect(await json(after, `/polar/v1/customers/external/${name}`, undefined, polar)).toEqual(customer)
  expect(Object.keys((await json(after, '/polar/state')).products ?? {})).toEqual(products)
  const again = connectUpstash(after)
  expect(await again.hgetall(`${name}:hash`)).toEqual({ used: 7 })
  const left = await again.pttl(`${name}:brief`)
  expect(left > 0 && left <= 100_000).toBe(true)
  await after.close()
})

test('an unreadable file is reported, and everything starts empty', async () => {
  const memoryFile = join(folder, 'damaged')
  await writeFile(memoryFile, 'not what was written')
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const stack = await openStack({ memoryFile })
  expect(said).toHaveBeenCalledWith(expect.stringContaining(`begin empty: ${memoryFile} cannot be read`))
  said.mockRestore()
  expect(await json(stack, '/outbox')).toEqual([])
  await stack.close()
})

test('a missing store stops nothing else from closing, and what was saved before stays', async () => {
  const [file, said] = [join(folder, 'store-gone'), [] as string[]]
  const counts = { read: () => 1, restore: () => undefined }
  await (await keepMemory(file, { counts }, (line) => said.push(line))).close()
  expect(said).toEqual([])
  const gone = { read: () => Promise.reject(new Error('gone')), restore: () => undefined }
  await (await keepMemory(file, { counts, gone }, (line) => said.push(line))).close()
  expect(said).toEqual([`The last seconds were not saved to ${file}: Error: gone`])
  let restored: unknown
  await (
    await keepMemory(file, { counts: { read: () => restored, restore: (kept) => void (restored = kept) } }, (line) =>
      said.push(line),
    )
  ).close()
  expect([restored, said.length]).toEqual([1, 1])
})
