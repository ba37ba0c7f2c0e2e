import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { linesOf } from '../../../local/import/lines.ts'
import { importUsers } from '../../../local/import/run.ts'
import { seedFoundation } from '../../../local/support/seed-data.ts'
import { migratedDatabase, runScript } from './support.ts'

const HASH = hashSync('correct horse battery', 4)

let database: Awaited<ReturnType<typeof migratedDatabase>>
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-'))
  database = await migratedDatabase()
  await seedFoundation(database.sql)
}, 60_000)

afterAll(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

beforeEach(async () => {
  await database.sql.query('delete from users')
  await database.sql.query('delete from organizations where not is_platform')
})

const user = (email: string, more: object = {}) => ({ email, password_hash: HASH, ...more })

/** Runs the script over a file of these lines. */
async function run(lines: readonly (object | string)[], flags = '') {
  const file = join(folder, `${crypto.randomUUID()}.ndjson`)
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
  await writeFile(file, `${texts.join('\n')}\n`)
  return runScript(`import-users ${file}${flags}`, database.env)
}

async function rows() {
  return database.sql.query(`
    select u.email, u.name, u.password_hash, u.email_verified_at is not null as is_verified,
           extract(epoch from u.created_at)::int as created_at, o.name as organization, o.is_personal, m.role
    from users u join memberships m on m.user_id = u.id join organizations o on o.id = m.organization_id
    order by u.email`)
}

const count = async (table: string) =>
  Number((await database.sql.query(`select count(*) as count from ${table}`))[0]?.count)

describe('npm run import-users', () => {
  test('creates users with their hashes, each with an organization as at registration', async () => {
    const { code, stdout, stderr } = await run([
      user('ada@example.com'),
      user(' Bob@Example.COM ', { name: 'Bob', email_verified: true, created_at: '2020-02-29T12:00:00Z' }),
      user('cleo@example.com', { name: null, organization: 'Example Inc.' }),
    ])
    expect([code, stdout, stderr]).toEqual([0, '3 lines: 3 imported, 0 already there, 0 bad.\n', ''])
    const home = { is_personal: true, role: 'owner', password_hash: HASH }
    expect(await rows()).toMatchObject([
      { email: 'ada@example.com', name: null, organization: 'ada', is_verified: false, ...home },
      { email: 'bob@example.com', name: 'Bob', organization: 'Bob', is_verified: true, ...home },
      { email: 'cleo@example.com', name: null, organization: 'Example Inc.', ...home, is_personal: false },
    ])
    expect((await rows())[1]?.created_at).toBe(Date.UTC(2020, 1, 29, 12) / 1000)
  })

  test('creates users without a password only if the hash is null', async () => {
    const { code, stderr } = await run([user('ada@example.com', { password_hash: null }), { email: 'bob@example.com' }])
    expect([code, stderr]).toEqual([1, expect.stringContaining('line 2: password_hash')])
    expect(await rows()).toMatchObject([{ email: 'ada@example.com', password_hash: null, role: 'owner' }])
  })

  test('a second run is a no-op, and resumes where the first one ended', async () => {
    await run([user('ada@example.com'), user('bob@example.com')])
    const before = await rows()
    const again = await run([
      user('ada@example.com', { name: 'Mallory', password_hash: hashSync('another password', 4) }),
      user('bob@example.com'),
      user('cleo@example.com'),
    ])
    expect([again.code, again.stdout]).toEqual([0, '3 lines: 1 imported, 2 already there, 0 bad.\n'])
    expect((await rows()).slice(0, 2)).toEqual(before)
    expect(await count('organizations')).toBe(4)
  })

  test('for an address that is twice in a file the first line counts', async () => {
    const { stdout } = await run([
      user('ada@example.com', { name: 'First' }),
      user('ADA@example.com', { name: 'Second' }),
    ])
    expect(stdout).toBe('2 lines: 1 imported, 1 already there, 0 bad.\n')
    expect(await rows()).toMatchObject([{ name: 'First' }])
    expect(await count('organizations')).toBe(2)
  })

  test('bad lines are reported by number and field, never by their content, and skipped; the exit code is 1', async () => {
    const { code, stdout, stderr } = await run([
      user('ada@example.com'),
      'sesame',
      '["sesame"]',
      user('sesame'),
      user('bob@example.com', { password_hash: 'sesame' }),
      user('bob@example.com', { password_hash: HASH.replace('$04$', '$15$') }),
      user('bob@example.com', { password_hash: `pbkdf2_sha256$600000$salt$${'a'.repeat(43)}=` }),
      user('bob@example.com', { name: 'sesame\u0000', email_verified: 'sesame', created_at: 'sesame' }),
      user('bob@example.com', { created_at: '9999-01-01T00:00:00Z' }),
      user('bob@example.com', { organization: '' }),
      user('bob@example.com', { pasword: 'sesame' }),
      { email: 'bob@example.com' },
      '',
      '{"email":"bob@example.com","__proto__":{"password_hash":"sesame"}}',
      user('zoe@example.com'),
    ])
    expect(code).toBe(1)
    expect(stdout).toBe('15 lines: 2 imported, 0 already there, 12 bad.\n')
    const places = stderr
      .trim()
      .split('\n')
      .map((line) => /^(line \d+: \w+): ./.exec(line)?.[1])
    expect(places).toEqual([
      'line 2: line',
      'line 3: line',
      'line 4: email',
      'line 5: password_hash',
      'line 6: password_hash',
      'line 7: password_hash',
      'line 8: name',
      'line 8: email_verified',
      'line 8: created_at',
      'line 9: created_at',
      'line 10: organization',
      'line 11: line',
      'line 12: password_hash',
      'line 14: password_hash',
      'line 14: line',
    ])
    expect(stderr).not.toContain('sesame')
    expect(await rows()).toMatchObject([{ email: 'ada@example.com' }, { email: 'zoe@example.com' }])
  })

  test('--dry-run reports the same and writes nothing', async () => {
    await run([user('ada@example.com')])
    const { code, stdout } = await run([user('ada@example.com'), user('bob@example.com'), '{}'], ' --dry-run')
    expect(code).toBe(1)
    expect(stdout).toBe('Nothing was written. It would be: 3 lines: 1 imported, 1 already there, 1 bad.\n')
    expect(await count('users')).toBe(1)
  })

  test.each([
    ['--help', 0, 'Usage: npm run import-users'],
    ['', 1, 'Name one file'],
    ['a.ndjson b.ndjson', 1, 'Name one file'],
    ['/nowhere/users.ndjson', 1, 'ENOENT: no such file'],
    ['users.ndjson --overwrite', 1, 'Unknown option --overwrite'],
  ])('%s: exit code %d, %s', async (args, code, text) => {
    const result = await runScript(`import-users ${args}`.trim(), database.env)
    expect(result.code).toBe(code)
    expect(result.stdout + result.stderr).toContain(text)
  })
})

describe('a large file', () => {
  test('is imported in batches of 200, each of one statement, and stops with whole batches in place', async () => {
    const statements: number[] = []
    const sql = Object.assign(() => undefined, {
      async query(text: string, parameters: [string]) {
        if (statements.length === 3) throw new Error('The connection is gone.')
        statements.push(JSON.parse(parameters[0]).length)
        return database.sql.query(text, parameters)
      },
    }) as unknown as typeof database.sql
    async function* lines() {
      for (let at = 0; at < 1_000; at++) yield JSON.stringify(user(`person-${at}@example.com`))
    }
    const options = { isDryRun: false, onBad: () => undefined, onBatch: () => undefined }
    await expect(importUsers(sql, lines(), options)).rejects.toThrow('The connection is gone.')
    expect(statements).toEqual([200, 200, 200])
    expect([await count('users'), await count('memberships')]).toEqual([600, 600])

    expect(await importUsers(database.sql, lines(), options)).toEqual({
      lines: 1_000,
      imported: 400,
      present: 600,
      bad: 0,
    })
    expect([await count('users'), await count('organizations')]).toEqual([1_000, 1_001])
  })

  test('is read in chunks, wherever they are cut', async () => {
    const read = async (...chunks: string[]) => {
      async function* pieces() {
        yield* chunks
      }
      const lines: string[] = []
      for await (const line of linesOf(pieces())) lines.push(line)
      return lines
    }
    expect(await read('one\ntw', 'o\n', '\nfo', 'ur')).toEqual(['one', 'two', '', 'four'])
    expect(await read()).toEqual([])
    expect(await read('\n')).toEqual([''])
    await expect(read('x'.repeat(65_536), 'x')).rejects.toThrow('one JSON object per line')
  })
})
