import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { afterAll, expect, test } from 'vitest'
import { reseal } from '../../../local/support/reseal.ts'
import { openSecret, sealSecret } from '../../../src/events/sign.ts'
import { openHeader, sealHeader } from '../../../src/gateway/secrets.ts'
import { seal, unseal } from '../../../src/lib/seal.ts'
import { emptyDatabase, runScript } from './support.ts'

const database = await emptyDatabase()
const { sql } = database
afterAll(() => database.close())

const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(32)] as const
const old = { SECRET_KEY: OLD }
const fresh = { SECRET_KEY: NEW }
const USERS = 5
const env = { ...database.env, SECRET_KEY: OLD, SECRET_KEYS: NEW }

const ids = Array.from({ length: USERS }, () => crypto.randomUUID())
const [endpoint, route, organization] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
const hex = async (sealed: Promise<Uint8Array>) => bytesToHex(await sealed)

async function fill() {
  expect((await runScript('migrate up', database.env)).code).toBe(0)
  expect((await runScript('seed', database.env)).code).toBe(0)
  for (const id of ids) {
    await sql.query(`insert into users (id, email, password_hash) values ($1::uuid, $1 || '@example.com', 'x')`, [id])
    await sql.query(`insert into totp_credentials (user_id, secret_encrypted) values ($1, decode($2, 'hex'))`, [
      id,
      await hex(seal(old, `totp:${id}`, `secret of ${id}`)),
    ])
  }
  await sql.query(
    `insert into organizations (id, name, slug, plan_id) values ($1::uuid, 'Of a test', $1::text, (select id from plans limit 1))`,
    [organization],
  )
  await sql.query(
    `insert into webhook_endpoints (id, organization_id, url, secret, previous_secret)
     values ($1, $2, 'https://example.com', decode($3, 'hex'), decode($4, 'hex'))`,
    [
      endpoint,
      organization,
      await hex(sealSecret(old, endpoint, 'now')),
      await hex(sealSecret(old, endpoint, 'before')),
    ],
  )
  const headers = {
    'x-open': { value: 'as it is' },
    'x-key': { sealed: await sealHeader(old, { id: route, name: 'x-key', value: 'sesame' }) },
  }
  await sql.query(
    `insert into gateway_routes (id, slug, match_path_prefix, upstream, strip_prefix, add_headers, timeout_ms, scopes, cost, limits, meter, public_paths, is_enabled)
     values ($1, 'of-a-test', '/', 'https://example.com', true, $2, 1000, '{}', 1, '{}', '"calls"', '{}', true)`,
    [route, JSON.stringify(headers)],
  )
}

async function readAll(secrets: typeof old): Promise<readonly string[]> {
  const totp = await sql.query(`select user_id as id, encode(secret_encrypted, 'hex') as sealed from totp_credentials`)
  const [hook] = await sql.query(
    `select encode(secret, 'hex') as now, encode(previous_secret, 'hex') as before from webhook_endpoints`,
  )
  const [row] = await sql.query('select add_headers from gateway_routes')
  const texts: string[] = [
    ...(await Promise.all(totp.map(({ id, sealed }) => unseal(secrets, `totp:${id}`, hexToBytes(sealed))))),
    await openSecret(secrets, endpoint, hexToBytes(hook?.now)),
    await openSecret(secrets, endpoint, hexToBytes(hook?.before)),
    await openHeader(secrets, { id: route, name: 'x-key', sealed: row?.add_headers['x-key'].sealed }),
    row?.add_headers['x-open'].value,
  ]
  return texts.toSorted()
}

test('everything encrypted is encrypted again by the first secret, in batches, and a second run has nothing to do', async () => {
  await fill()
  const before = await readAll(old)
  await expect(readAll(fresh)).rejects.toThrow()

  const told: number[] = []
  const ended = reseal({
    sql,
    secrets: { SECRET_KEY: NEW, SECRET_KEYS: [NEW, OLD] },
    batchRows: 2,
    tell({ looked }) {
      told.push(looked)
      throw new Error('ended')
    },
  })
  await expect(ended).rejects.toThrow('ended')
  expect(told).toEqual([2])

  const { code, stdout } = await runScript('reseal --batch 2', env)
  expect(code).toBe(0)
  expect(stdout).toContain(`totp_credentials.secret_encrypted: ${USERS} looked at, ${USERS - 2} sealed again\n`)
  expect(stdout).toContain('webhook_endpoints.previous_secret: 1 looked at, 1 sealed again\n')
  expect(stdout).toContain('gateway_routes.add_headers: 1 looked at, 1 sealed again\n')
  expect(await readAll(fresh)).toEqual(before)
  await expect(readAll(old)).rejects.toThrow()

  const again = await runScript('reseal', { ...database.env, SECRET_KEYS: NEW })
  expect([again.code, again.stdout.match(/, [1-9]\d* sealed again/)]).toEqual([0, null])
})

test('a value that no secret decrypts is named, and the rest is done', async () => {
  const lost = ids[0] ?? ''
  await sql.query(`update totp_credentials set secret_encrypted = decode('0102', 'hex') where user_id = $1`, [lost])
  const { code, stderr } = await runScript('reseal', env)
  expect([code, stderr.trim()]).toEqual([1, `No secret opens totp_credentials.secret_encrypted of ${lost}.`])
})

test('without secrets it says which are missing, and never a value', async () => {
  expect((await runScript('reseal', database.env)).stderr).toContain('Missing or wrong: SECRET_KEY.')
  const short = await runScript('reseal', { ...database.env, SECRET_KEYS: 'sesame' })
  expect(short.stderr).toContain('Missing or wrong: SECRET_KEYS (must have at least 32 bytes).')
  expect(short.stderr).not.toContain('sesame')
})

test('--end-applications ends the grants of every application, in batches, and no other key', async () => {
  const client = crypto.randomUUID()
  await sql.query(
    `insert into oauth_clients (id, name, redirect_uris, auth_method, refreshes) values ($1, 'Reporter', '{https://a.example}', 'none', true)`,
    [client],
  )
  const insert = (id: string | null) =>
    sql.query(
      `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, scopes, client_id)
       select gen_random_uuid(), $1, 'A key', sha256(gen_random_uuid()::text::bytea), 'ck', 'abcd', 'live', '{}', $2 from generate_series(1, 5)`,
      [organization, id],
    )
  await insert(client)
  await insert(null)
  const { code, stdout } = await runScript('reseal --end-applications --batch 2', env)
  expect([code, stdout]).toEqual([0, 'applications: 5 ended\n'])
  const left = await sql.query(
    `select client_id is not null as is_application, count(*)::int as keys from api_keys where organization_id = $1 and revoked_at is null group by 1`,
    [organization],
  )
  expect(left).toEqual([{ is_application: false, keys: 5 }])
  expect((await runScript('reseal --end-applications', env)).stdout).toBe('applications: 0 ended\n')
})
