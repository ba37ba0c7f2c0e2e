import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { signIn } from '../../../local/demo/client.ts'

/** The outcome of a request: a status, or `lost` for a connection that ends without a response. */
type Fate = number | 'lost'

/** A server that handles its requests in turn as told, after one that signs in. */
async function serverWith(...fates: Fate[]) {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    if (request.url === '/api/v1/auth/login') return response.end('{"access_token":"a"}')
    seen.push(request)
    const fate = fates[seen.length - 1] ?? 'lost'
    if (fate === 'lost') return request.socket.destroy()
    return response.writeHead(fate).end(fate === 204 ? undefined : '{"id":"one"}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const client = await signIn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    email: 'demo@example.com',
    password: 'a few words in a row',
  })
  return { client, seen }
}

test('a lost connection and a 503 are retried with the same key, so that nothing is done twice', async () => {
  const { client, seen } = await serverWith('lost', 503, 201)
  expect(await client.call('POST', '/auth/api-keys', { name: 'One' })).toEqual({ id: 'one' })
  const [key, ...others] = seen.map(({ headers }) => headers['idempotency-key'])
  expect(key).toMatch(/^[0-9a-f-]{36}$/)
  expect(others).toEqual([key, key])
})

test('a 404 on a repeated delete means that the attempt with the lost response deleted it', async () => {
  const { client } = await serverWith('lost', 404)
  expect(await client.call('DELETE', '/auth/api-keys/one')).toBeUndefined()
})

test('a refusal is final, even the first 404 of a delete', async () => {
  const { client, seen } = await serverWith(404)
  await expect(client.call('DELETE', '/auth/api-keys/one')).rejects.toThrow('answered 404')
  expect(seen).toHaveLength(1)
})
