import { hashSync } from 'bcryptjs'
import { describe, expect, test } from 'vitest'
import { hashPassword, isOutdated } from '../../../../src/accounts/passwords/hash.ts'
import { REFUSAL_MS } from '../../../../src/accounts/passwords/hash-cost.ts'
import {
  BCRYPT_ROUND_MS,
  MAX_BCRYPT_COST,
  MAX_PBKDF2_ROUNDS,
  readImported,
} from '../../../../src/accounts/passwords/imported.ts'
import { isUsableHash, verifyPassword } from '../../../../src/accounts/passwords/verify.ts'

const PASSWORD = 'correct horse battery'
const ARGON2ID = await hashPassword(PASSWORD)
const BCRYPT = hashSync(PASSWORD, 4)
const as = (version: string) => BCRYPT.replace(/^\$2.\$/, `$${version}$`)

describe('bcrypt', () => {
  test.each([
    ['a', '$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe'],
    ['abc', '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
    ['abcdefghijklmnopqrstuvwxyz', '$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC'],
    ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ])('a hash of the reference implementations is matched only by its password %j', async (password, hash) => {
    expect(await verifyPassword(password, hash)).toBe(true)
    expect(await verifyPassword(`${password}x`, hash)).toBe(false)
  })

  test.each(['2a', '2b', '2y'])('is known as $%s$', async (version) => {
    expect([await verifyPassword(PASSWORD, as(version)), await verifyPassword('another', as(version))]).toEqual([
      true,
      false,
    ])
  })

  test('reads 72 bytes, like the system from which the hash comes', async () => {
    const first72 = 'é'.repeat(36)
    const hash = hashSync(`${first72}and more`, 4)
    expect(await verifyPassword(`${first72}and less`, hash)).toBe(true)
    expect(await verifyPassword(first72.slice(1), hash)).toBe(false)
  })
})

describe('storable hashes', () => {
  const cost = (rounds: string) => BCRYPT.replace(/^(\$2.\$)04/, `$1${rounds}`)

  test.each([
    ['bcrypt of cost 4', cost('04'), true],
    ['of cost 12', cost('12'), true],
    ['of cost 13, which takes longer than a refusal on a slow core', cost('13'), false],
    ['of cost 14', cost('14'), false],
    ['of cost 15, which no request can pay', cost('15'), false],
    ['of cost 3', cost('03'), false],
    ['of cost 31', cost('31'), false],
    ['the broken $2x$', as('2x'), false],
    ['$2$', as('2'), false],
    ['one that is cut', BCRYPT.slice(0, -1), false],
    ['one that is too long', `${BCRYPT}a`, false],
    ['one with a line after it', `${BCRYPT}\n`, false],
    ['argon2id', ARGON2ID, true],
    ['argon2id of 64 MiB and four passes', ARGON2ID.replace('m=19456,t=2', 'm=65536,t=4'), true],
    ['argon2id of a gigabyte', ARGON2ID.replace('m=19456', 'm=1048576'), false],
    ['argon2i', ARGON2ID.replace('argon2id', 'argon2i'), false],
    ['the password itself', PASSWORD, false],
    ['SHA-256', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', false],
    ['nothing', '', false],
  ])('%s: %s', (_, hash, isUsable) => {
    expect(isUsableHash(hash)).toBe(isUsable)
  })

  test.each([cost('15'), `${BCRYPT}\n`, undefined])(
    'an unstorable hash matches nothing: %j',
    { timeout: 4_000 },
    async (hash) => {
      expect(await verifyPassword(PASSWORD, hash)).toBe(false)
    },
  )
})

/** PHC strings have no padding. */
const phc = (hex: string) =>
  btoa(String.fromCharCode(...(hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)))).replace(/=+$/, '')
const text = (salt: string) => btoa(salt).replace(/=+$/, '')

describe('scrypt and PBKDF2', () => {
  test.each([
    [
      'RFC 7914, section 12',
      'pleaseletmein',
      `$scrypt$ln=14,r=8,p=1$${text('SodiumChloride')}$${phc('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887')}`,
    ],
    [
      'RFC 7914, section 11 (PBKDF2-HMAC-SHA-256)',
      'passwd',
      `$pbkdf2-sha256$i=1$${text('salt')}$${phc('55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc')}`,
    ],
    [
      'PBKDF2-HMAC-SHA-512 of a known implementation',
      'password',
      `$pbkdf2-sha512$i=1$${text('salt')}$${phc('867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252')}`,
    ],
  ])('%s is matched only by its password', async (_, password, hash) => {
    expect(isUsableHash(hash)).toBe(true)
    expect([await verifyPassword(password, hash), await verifyPassword(`${password}x`, hash)]).toEqual([true, false])
    expect(isOutdated(hash)).toBe(true)
  })

  test.each([
    ['scrypt that takes too much memory', `$scrypt$ln=17,r=8,p=1$${text('salt')}$${'a'.repeat(43)}`],
    ['scrypt of too many lanes', `$scrypt$ln=14,r=8,p=3$${text('salt')}$${'a'.repeat(43)}`],
    ['scrypt of no blocks', `$scrypt$ln=14,r=0,p=1$${text('salt')}$${'a'.repeat(43)}`],
    ['scrypt of N = 1', `$scrypt$ln=0,r=8,p=1$${text('salt')}$${'a'.repeat(43)}`],
    ['PBKDF2 of too many rounds', `$pbkdf2-sha256$i=100001$${text('salt')}$${'a'.repeat(43)}`],
    ['PBKDF2 of no rounds', `$pbkdf2-sha256$i=0$${text('salt')}$${'a'.repeat(43)}`],
    ['PBKDF2 with SHA-1', `$pbkdf2-sha1$i=1000$${text('salt')}$${'a'.repeat(43)}`],
    ['a hash of no length of base64', `$pbkdf2-sha256$i=1$${text('salt')}$${'a'.repeat(25)}`],
  ])('%s is neither stored nor run', async (_, hash) => {
    expect([isUsableHash(hash), readImported(hash)]).toEqual([false, undefined])
    expect(await verifyPassword(PASSWORD, hash)).toBe(false)
  })
})

test('the most expensive importable hash fits, on a core four times as slow, into the time of a refused sign-in', () => {
  const takesMs = (cost: number) => 2 ** cost * BCRYPT_ROUND_MS
  expect(takesMs(MAX_BCRYPT_COST) * 4).toBeLessThanOrEqual(REFUSAL_MS)
  expect(takesMs(MAX_BCRYPT_COST + 1) * 4).toBeGreaterThan(REFUSAL_MS)
  const dearest = [
    `$scrypt$ln=14,r=16,p=1$${text('salt')}$${'a'.repeat(43)}`,
    `$pbkdf2-sha512$i=${MAX_PBKDF2_ROUNDS}$${text('salt')}$${'a'.repeat(86)}`,
  ]
  for (const hash of dearest) expect((readImported(hash)?.ms ?? Infinity) * 4).toBeLessThanOrEqual(REFUSAL_MS)
})

describe('v5.0.0-11.4.2: a hash is outdated', () => {
  test.each([
    ['a new one', ARGON2ID, false],
    ['one of more memory', ARGON2ID.replace('m=19456', 'm=65536'), false],
    ['one of more memory and fewer passes', ARGON2ID.replace('m=19456,t=2', 'm=47104,t=1'), false],
    ['one of a KiB less', ARGON2ID.replace('m=19456', 'm=19455'), true],
    ['one of a pass less', ARGON2ID.replace('t=2', 't=1'), true],
    ['bcrypt', BCRYPT, true],
  ])('%s: %s', (_, hash, outdated) => {
    expect(isOutdated(hash)).toBe(outdated)
  })
})
