import { describe, expect, test } from 'vitest'
import { hashCost, hashPassword, passwordMatches } from '../../../../src/accounts/passwords/hash.ts'

const PASSWORD = 'correct horse battery'
/** Some of these hash many times, with a pause after each. */
const SLOW = { timeout: 30_000 }
const HASH = await hashPassword(PASSWORD)
/** Of "password", by the reference implementation. */
const CHEAP = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
const [, , , , SALT = '', DIGEST = ''] = HASH.split('$')

/** A stored hash, with parts of it changed. */
const phc = ({ kind = 'argon2id', v = '19', m = '256', t = '1', p = '1', salt = SALT, digest = DIGEST } = {}) =>
  `$${kind}$v=${v}$m=${m},t=${t},p=${p}$${salt}$${digest}`

describe('a new hash', () => {
  test('is a PHC string of argon2id with 19 MiB, two passes, one lane, 16 bytes of salt and 32 of hash', () => {
    expect(HASH).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  })

  test('has its own salt, and does not contain the password', async () => {
    const other = await hashPassword(PASSWORD)
    expect(other.split('$')[4]).not.toBe(SALT)
    expect(other.split('$')[5]).not.toBe(DIGEST)
    expect(other).not.toContain(PASSWORD)
  })

  test('is matched only by its password', async () => {
    expect(await passwordMatches(PASSWORD, HASH)).toBe(true)
    expect(await passwordMatches(`${PASSWORD}!`, HASH)).toBe(false)
    for (const other of ['', 'PASSWORD', 'password!', 'assword', CHEAP])
      expect(await passwordMatches(other, CHEAP)).toBe(false)
  })
})

test.each([
  ['two passes over 64 MiB', 'm=65536,t=2,p=1', 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
  ['two passes over 256 KiB', 'm=256,t=2,p=1', 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'],
])('a hash of the reference implementation is matched: %s', async (_, parameters, digest) => {
  expect(await passwordMatches('password', `$argon2id$v=19$${parameters}$c29tZXNhbHQ$${digest}`)).toBe(true) // "somesalt"
})

test('a password is used exactly as it comes: no trimming, no normalization, no end at a NUL', SLOW, async () => {
  const chosen = ' caf\u00e9 au lait\0after\n'
  const stored = await hashPassword(chosen)
  const typed = [chosen, chosen.trim(), chosen.normalize('NFD'), ' caf\u00e9 au lait']
  expect(await Promise.all(typed.map((one) => passwordMatches(one, stored)))).toEqual([true, false, false, false])
})

describe('a foreign stored hash', () => {
  test.each([
    ['nothing', ''],
    ['the password itself', PASSWORD],
    ['another algorithm', phc({ kind: 'argon2i' })],
    ['bcrypt', '$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW'],
    ['another version', phc({ v: '16' })],
    ['a hash that is cut', HASH.slice(0, -30)],
    ['something before it', ` ${HASH}`],
    ['a line after it', `${HASH}\n`],
    ['no memory', phc({ m: '0' })],
    ['less memory than argon2 can work with', phc({ m: '7' })],
    ['no pass', phc({ t: '0' })],
    ['no lane', phc({ p: '0' })],
    ['a salt that is no base64', phc({ salt: 'A'.repeat(13) })],
    ['a digest that is no base64', phc({ digest: 'A'.repeat(25) })],
  ])('is not accepted, and is no error: %s', (_, stored) => {
    expect(hashCost(stored)).toBeUndefined()
  })

  test.each([
    ['a gigabyte', { m: '1048576' }],
    ['more than 64 MiB', { m: '65537' }],
    ['five passes', { t: '5' }],
    ['two lanes', { p: '2' }],
  ])('is refused if it would cost too much: %s', (_, parameters) => {
    expect(hashCost(phc(parameters))).toBeUndefined()
  })

  test.each([null, '', PASSWORD, phc({ m: '1048576' })])('matches no password: %s', SLOW, async (stored) => {
    expect(await passwordMatches(PASSWORD, stored)).toBe(false)
  })
})

test('a hash with one changed character no longer matches', async () => {
  const from = CHEAP.lastIndexOf('$') + 1
  for (let at = from; at < CHEAP.length - 1; at++) {
    const changed = CHEAP.slice(0, at) + (CHEAP[at] === 'A' ? 'B' : 'A') + CHEAP.slice(at + 1)
    expect(await passwordMatches('password', changed)).toBe(false)
  }
})

test('without a hash the check takes as long as with one, so that it reveals nothing', SLOW, async () => {
  const withHash = await median(() => passwordMatches(PASSWORD, HASH))
  const without = await median(() => passwordMatches(PASSWORD, undefined))
  expect(without).toBeGreaterThan(withHash / 5)
  expect(without).toBeLessThan(withHash * 5)
})

/** The median of some runs, in milliseconds. The clock of a Worker only advances with its I/O. */
async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < 7; run++) {
    await scheduler.wait(1)
    const start = performance.now()
    await work()
    await scheduler.wait(1)
    times.push(performance.now() - start)
  }
  return times.toSorted((a, b) => a - b)[3] as number
}
