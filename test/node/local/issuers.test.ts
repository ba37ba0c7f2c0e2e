import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stack } from '../../../local/stack/stack.ts'
import { openStack } from './support.ts'

let stack: Stack
beforeAll(async () => {
  stack = await openStack()
})
afterAll(() => stack.close())

async function ask(method: string, path: string, body?: unknown) {
  const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) }
  const response = await fetch(`${stack.url}/issuers/${path}`, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) }
}
const verify = (name: string, token: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL(`${stack.url}/issuers/jwks/${name}`)))

test('tokens of an issuer verify with the keys that it publishes, before and after a rotation', async () => {
  const sign = async () => (await ask('POST', 'tokens/acme', { claims: { sub: 'ada', iat: null } })).body.token
  const old = await sign()
  const { payload } = await verify('acme', old)
  expect(payload).toEqual({ iss: `${stack.url}/issuers/jwks/acme`, sub: 'ada', exp: expect.any(Number) })
  await ask('POST', 'rotations/acme')
  await Promise.all([verify('acme', old), verify('acme', await sign())])
  await ask('POST', 'rotations/acme', { keep_old: false })
  await verify('acme', await sign())
  await expect(verify('acme', old)).rejects.toThrow('no applicable key')
  await expect(verify('other', await sign())).rejects.toThrow('no applicable key')
})

test('anything else is returned instead of keys until that is withdrawn', async () => {
  await ask('PUT', 'answers/acme', { status: 503, headers: { 'retry-after': '7' }, body: '"down"' })
  const { status, headers, body } = await ask('GET', 'jwks/acme')
  expect({ status, body, wait: headers.get('retry-after') }).toEqual({ status: 503, body: 'down', wait: '7' })
  await ask('DELETE', 'answers/acme')
  expect((await ask('GET', 'jwks/acme')).status).toBe(200)
})

test('an unknown command is refused', async () => {
  for (const [method, path] of [
    ['POST', 'tokens/acme'],
    ['POST', 'rotations/acme'],
    ['PUT', 'answers/acme'],
  ] as const)
    expect((await ask(method, path, { unknown: 1 })).status).toBe(400)
})
