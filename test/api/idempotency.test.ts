import { bytesToHex } from '@noble/hashes/utils.js'
import { expect, test, vi } from 'vitest'
import { sha256 } from '../../src/lib/bytes.ts'
import { call, newUser, verify } from '../support/http.ts'
import { newIsolate } from '../support/isolate.ts'
import { failFor } from '../support/mail.ts'

const issue = (token: string, idempotencyKey: string, body: unknown = { name: 'Once' }) =>
  call('POST /api/v1/auth/api-keys', { token, body, headers: { 'Idempotency-Key': idempotencyKey } })

async function keysOf(token: string): Promise<unknown[]> {
  return (await call('GET /api/v1/auth/api-keys', { token })).body.data
}

test('a repeat with the same key and body gets the first answer, and nothing is made twice', async () => {
  const { token } = await newUser()
  const first = await issue(token, 'a')
  const repeat = await issue(token, 'a')
  expect(first.status).toBe(201)
  expect(repeat.status).toBe(201)
  expect(repeat.body).toEqual(first.body)
  expect(repeat.headers.get('Idempotent-Replayed')).toBe('true')
  expect(await keysOf(token)).toHaveLength(1)
})

test('of ten at once one is done; the others get its answer or are told that it is running', async () => {
  const { token } = await newUser()
  const answers = await Promise.all(Array.from({ length: 10 }, () => issue(token, 'b')))
  expect(new Set(answers.map(({ status }) => status)).isSubsetOf(new Set([201, 409]))).toBe(true)
  expect(new Set(answers.filter(({ status }) => status === 201).map(({ body }) => body.key)).size).toBe(1)
  expect(await keysOf(token)).toHaveLength(1)
})

test('the same key with another body is a mistake, and says so', async () => {
  const { token } = await newUser()
  await issue(token, 'c')
  const { status, body } = await issue(token, 'c', { name: 'Another' })
  expect(status).toBe(422)
  expect(body.code).toBe('idempotency_key_reused')
})

test('what failed may be tried again with the same key', async () => {
  const { token } = await newUser()
  const refused = await issue(token, 'd', { name: 'Too much', custom_rate_limit: 1_000_000 })
  expect(refused.status).toBe(403)
  expect((await issue(token, 'd')).status).toBe(201)
})

test('the same key of another person is another key', async () => {
  const [one, other] = [await newUser(), await newUser()]
  const [first, second] = [await issue(one.token, 'e'), await issue(other.token, 'e')]
  expect(second.status).toBe(201)
  expect(second.body.key).not.toBe(first.body.key)
})

test('a lost write of the kept answer costs the caller nothing: what was done is answered as done', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { token, user } = await newUser()
  const place = [user.id, user.organization_id, 'POST', '/api/v1/auth/api-keys']
  const id = bytesToHex(sha256(['idempotency', ...place, 'lost'].join('\n')))
  await failFor(id, { door: 'sql', kind: 'status', value: 500, every: 2, count: 1 }) // the first that names it claims it
  const { status, body } = await issue(token, 'lost')
  expect(status).toBe(201)
  expect((await verify(body.key)).body.code).toBe('VALID')
  expect(await keysOf(token)).toHaveLength(1)
  expect(logged.mock.calls.flat().join()).toContain('idempotent_answer_lost')
  logged.mockRestore()
})

test('an empty or endless key is refused by name', async () => {
  const { token } = await newUser()
  const { status, body } = await issue(token, 'x'.repeat(256))
  expect(status).toBe(400)
  expect(body.errors[0].path).toBe('header.Idempotency-Key')
  expect((await issue(token, 'x'.repeat(255))).status).toBe(201)
})

test('the database holds no secret of a kept answer', async () => {
  const { token } = await newUser()
  const { body } = await issue(token, `f-${crypto.randomUUID()}`)
  const isolate = await newIsolate()
  const rows = await isolate
    .deps()
    .sql.query('select encode(response, $1) as kept from idempotency_keys where response is not null', ['escape'])
  expect(rows.length).toBeGreaterThan(0)
  expect(rows.some(({ kept }) => String(kept).includes(body.key) || String(kept).includes('"key"'))).toBe(false)
})
