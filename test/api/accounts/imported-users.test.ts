import { hashSync } from 'bcryptjs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { importUsers } from '../../../local/import/run.ts'
import { hashPassword } from '../../../src/accounts/passwords/hash.ts'
import { COST, REFUSAL_MS } from '../../../src/accounts/passwords/hash-cost.ts'
import { renewHash } from '../../../src/accounts/passwords/rehash.ts'
import { ormOver } from '../../../src/db/orm.ts'
import type { ManagementDeps } from '../../../src/deps.ts'
import { breakStatement } from '../../support/broken-stores.ts'
import { directly } from '../../support/direct.ts'
import { call } from '../../support/http.ts'

afterEach(() => vi.restoreAllMocks())

const PASSWORD = 'correct horse battery'
const { sql } = directly()
const NEW = `$m=${COST.m},t=${COST.t},p=${COST.p}$`
const WEAK_ARGON2 = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4' // "password"

/** Imports one user as the script does. @returns their credentials */
async function imported(passwordHash: string, fields = {}) {
  const email = `imported-${crypto.randomUUID()}@example.com`
  const lines = async function* lines() {
    yield JSON.stringify({ email, password_hash: passwordHash, ...fields })
  }
  const options = { isDryRun: false, onBad: () => undefined, onBatch: () => undefined }
  expect(await importUsers(sql, lines(), options)).toMatchObject({ imported: 1, bad: 0 })
  const login = (password = PASSWORD) => loginOf(email, password)
  return { email, login, hash: () => hashOf(email) }
}

const loginOf = (email: string, password: string) => call('POST /api/v1/auth/login', { body: { email, password } })

async function hashOf(email: string): Promise<string> {
  const [row] = await sql.query('select password_hash from users where email = $1', [email])
  return row?.password_hash
}

describe('POST /api/v1/auth/login, of an imported user', () => {
  test.each(['2a', '2b', '2y'])(
    'signs in with the old password of a $%s$ hash, which becomes argon2id',
    async (kind) => {
      const person = await imported(hashSync(PASSWORD, 6).replace(/^\$2.\$/, `$${kind}$`))
      expect((await person.login('another password')).status).toBe(401)
      expect(await person.hash()).toContain(`$${kind}$06$`)

      expect((await person.login()).status).toBe(200)
      const renewed = await person.hash()
      expect(renewed).toContain(NEW)
      expect([(await person.login()).status, (await person.login('another password')).status]).toEqual([200, 401])
      expect(await person.hash()).toBe(renewed)
    },
  )

  test.each([
    [
      'better-auth',
      '0123456789abcdef0123456789abcdef:b87ad68e260d745e9edfac97cc70f72a8fbb1771cf033e8d2b3c360d3788e3548d977bae5090f5d6cd75f5190a6fbe6b0b5737d5420119bd1e44ccdc779acfe5',
    ],
    ['Django', 'pbkdf2_sha256$100000$saltOfDjango$2KaoliyBvLr0CHG74BSlj5NuVA892Shhcq5R6ejkVCs='],
    [
      'Django with scrypt',
      'scrypt$1024$saltOfDjango$8$1$fIas95ZoUodb+wqr07hjsA7GAjP7POPccXdDbe2CwIF+PYLNAwk0jRBPJH1ST9Or/8Q1lhxYsH5OXFdKY9SE7A==',
    ],
    [
      'Flask',
      'scrypt:2048:8:1$saltOfFlask12345$cc09c62a2994b44e5a04a2f8839cbd64d23d522cb0aacd2f4397fa667323bb8ffa11c40f1dbcd267d5b719dac86ed112127c99fb6d3662af7c07d68135ba63ce',
    ],
    [
      'Flask with PBKDF2',
      'pbkdf2:sha512:50000$saltOfFlask12345$d32dd3634f581b63a8966649c87aef30723aee04bfd43707f760f9c030c1c4fc3615ac0d894d448671668989c9d8a22d5eb702b1e4e0968f7a565b1c642921a4',
    ],
    ['passlib', '$pbkdf2-sha256$29000$AQIDBAUGBwj7$CJughvgnL29rP8brhn.PhegFaasAaSSpMfR4GA5kKmk'],
  ])('signs in with the old password of %s, whose hash becomes argon2id', async (_, hash) => {
    const person = await imported(hash)
    expect((await person.login('another password')).status).toBe(401)
    expect(await person.hash()).toMatch(/^\$(scrypt\$ln=|pbkdf2-sha(256|512)\$i=)/)
    expect((await person.login()).status).toBe(200)
    expect(await person.hash()).toContain(NEW)
    expect([(await person.login()).status, (await person.login('another password')).status]).toEqual([200, 401])
  })

  test('signs in with the password as typed, even if the old system had normalized it', async () => {
    const person = await imported(
      '0123456789abcdef0123456789abcdef:159d2b1e2c5a4f068516018273c403879f9a4f3968b931a80bf9e919f9820d20f2f29e3841264fda35df15566f1a14a3edd7daed6585fde74ebfc868b1d154b9',
    )
    const typed = '\u212Bngstro\u0308m pass word'
    expect((await person.login(typed)).status).toBe(200)
    expect((await person.login(typed)).status).toBe(200)
  })

  test('is hashed again if its argon2id parameters are weaker than the current ones, else not', async () => {
    const weak = await imported(WEAK_ARGON2)
    expect((await weak.login('password')).status).toBe(200)
    expect(await weak.hash()).toContain(NEW)

    const current = await hashPassword(PASSWORD)
    const person = await imported(current)
    expect((await person.login()).status).toBe(200)
    expect(await person.hash()).toBe(current)
  })

  test('v5.0.0-6.2.8: beyond 72 bytes the old hash cannot tell; after the first sign-in every byte counts', async () => {
    const first72 = 'abcdefghijkl'.repeat(6)
    const person = await imported(hashSync(`${first72} and more`, 6))
    expect((await person.login(`${first72.slice(1)} and more`)).status).toBe(401)
    expect((await person.login(`${first72} and more`)).status).toBe(200)
    expect((await person.login(`${first72} and less`)).status).toBe(401)
    expect((await person.login(first72)).status).toBe(401)
    expect((await person.login(`${first72} and more`)).status).toBe(200)
  })

  test('signs in many times at once, and one of the new hashes remains', async () => {
    const person = await imported(hashSync(PASSWORD, 6))
    const answers = await Promise.all(Array.from({ length: 5 }, () => person.login()))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect((await person.login()).status).toBe(200)
  })

  test('whose password was changed during a sign-in keeps the changed password', async () => {
    const old = hashSync(PASSWORD, 6)
    const person = await imported(old)
    const [{ id } = {}] = await sql.query('select id from users where email = $1', [person.email])
    const changed = await hashPassword('another password')
    await sql.query('update users set password_hash = $2 where id = $1', [id, changed])
    const deps = { ...directly(), db: ormOver(sql) } as unknown as ManagementDeps
    await renewHash(deps, { id, passwordHash: old }, PASSWORD)
    expect(await person.hash()).toBe(changed)
  })

  test('has what the file contains: name, confirmed address, age, and an organization of their own', async () => {
    const details = { name: 'Ada Lovelace', email_verified: true, created_at: '2019-12-10T08:30:00+02:00' }
    const person = await imported(hashSync(PASSWORD, 4), details)
    const { body: tokens } = await person.login()
    const { body } = await call('GET /api/v1/auth/me', { token: tokens.access_token })
    expect(body).toMatchObject({
      email: person.email,
      name: 'Ada Lovelace',
      is_verified: true,
      created_at: '2019-12-10T06:30:00.000Z',
      role: 'owner',
      subscription_tier: 'free',
    })
    const [home] = await sql.query('select name, is_personal, plan_id, slug from organizations where id = $1', [
      body.organization_id,
    ])
    expect(home).toEqual({
      name: 'Ada Lovelace',
      is_personal: true,
      plan_id: 'free',
      slug: expect.stringMatching(/^ada-lovelace-\w{7}$/),
    })
  })
})

test('a wrong password is refused in the same time for an imported user, another user and an unknown one', async () => {
  const bcrypt = await imported(hashSync(PASSWORD, 4))
  const argon2id = await imported(await hashPassword(PASSWORD))
  const nobody = { login: (password: string) => loginOf(`nobody-${crypto.randomUUID()}@example.com`, password) }
  for (const { login } of [bcrypt, argon2id, nobody]) {
    const sent = Date.now()
    expect((await login('another password')).status).toBe(401)
    expect(Date.now() - sent).toBeGreaterThanOrEqual(REFUSAL_MS - 1)
  }
})

test('a refusal for another reason, after the hash, waits for that time as well', async () => {
  const { login } = await imported(hashSync(PASSWORD, 4))
  breakStatement('insert into "audit_logs"')
  const waits = vi.spyOn(globalThis, 'setTimeout')
  expect((await login('another password')).status).toBe(503)
  const rest = waits.mock.calls.map(([, ms = 0]) => ms).filter((ms) => ms > 0 && ms <= REFUSAL_MS)
  expect(rest).toHaveLength(1)
})
