import { expect, test } from 'vitest'
import {
  ABSOLUTE_MS,
  deriveSuccessor,
  IDLE_MS,
  newRefreshToken,
  newSalt,
} from '../../../../src/accounts/sessions/refresh-token.ts'
import type { Config } from '../../../../src/config.ts'
import { base64url, randomBytes, utf8 } from '../../../../src/lib/bytes.ts'

const config = { SECRET_KEY: 'a-root-secret-of-at-least-32-bytes', JWT_SECRET_KEY: 'another' } as Config
const FORM = /^rt_[A-Za-z0-9_-]{43}$/

test('a session ends after 14 days without use and after 90 in any case', () => {
  const DAY_MS = 86_400_000
  expect([IDLE_MS, ABSOLUTE_MS]).toEqual([14 * DAY_MS, 90 * DAY_MS])
})

test('a token is rt_ and 256 random bits, and contains nothing else (v5.0.0-7.2.3)', () => {
  const tokens = Array.from({ length: 2_000 }, newRefreshToken)
  expect(tokens.filter((token) => !FORM.test(token))).toEqual([])
  expect(new Set(tokens).size).toBe(tokens.length)
})

test('a salt is 128 random bits', () => {
  const salts = Array.from({ length: 2_000 }, newSalt)
  expect(new Set(salts.map((salt) => salt.length))).toEqual(new Set([16]))
  expect(new Set(salts.map(base64url)).size).toBe(salts.length)
})

test('the same token, salt and secret give the same successor again, which has the form of any token', () => {
  for (let sample = 0; sample < 100; sample++) {
    const [token, salt] = [newRefreshToken(), newSalt()]
    const successor = deriveSuccessor(config, token, salt)
    expect(successor).toMatch(FORM)
    expect(deriveSuccessor({ ...config }, token, salt.slice())).toBe(successor)
    expect(successor).not.toBe(token)
  }
})

test('another token, salt or secret gives another successor, and the key of access tokens does not affect it', () => {
  const [token, salt] = [newRefreshToken(), newSalt()]
  const successor = deriveSuccessor(config, token, salt)
  const others = [
    deriveSuccessor(config, newRefreshToken(), salt),
    deriveSuccessor(config, `${token} `, salt),
    deriveSuccessor(config, token, newSalt()),
    deriveSuccessor(config, token, salt.with(15, (salt[15] ?? 0) ^ 1)),
    deriveSuccessor({ ...config, SECRET_KEY: `${config.SECRET_KEY}!` }, token, salt),
    deriveSuccessor(config, successor, salt),
  ]
  expect(new Set([successor, ...others]).size).toBe(1 + others.length)
  expect(deriveSuccessor({ ...config, JWT_SECRET_KEY: 'changed' }, token, salt)).toBe(successor)
})

test('it is HMAC-SHA-256 of salt and token under a key derived only for this, as the platform computes it', async () => {
  const secret = await crypto.subtle.digest('SHA-256', utf8(`refresh-token:${config.SECRET_KEY}`))
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  for (let sample = 0; sample < 50; sample++) {
    const [token, salt] = [newRefreshToken(), randomBytes(16)]
    const mac = await crypto.subtle.sign('HMAC', key, new Uint8Array([...salt, ...utf8(token)]))
    expect(deriveSuccessor(config, token, salt)).toBe(`rt_${base64url(new Uint8Array(mac))}`)
  }
})
