import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ROOT, runScript } from './support.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const GOOD = {
  DATABASE_URL: 'postgresql://ada:pass@db.example.net/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.net',
  UPSTASH_REDIS_REST_TOKEN: 'redis-token',
  JWT_SECRET_KEY: 'x'.repeat(32),
  SECRET_KEY: 'y'.repeat(32),
  PUBLIC_URL: 'https://api.acme.dev',
}

const check = async (env: Record<string, string>, line = 'check-config') => {
  const { code, stdout } = await runScript(line, env)
  return { code, lines: stdout.trim().split('\n') }
}

test('a complete environment has no errors', async () => {
  expect(await check(GOOD)).toEqual({ code: 0, lines: ['0 wrong, 0 suspicious.'] })
})

test('missing, wrong, impossible and suspicious settings are named with what they stop, never with a value', async () => {
  const { code, lines } = await check({
    ...GOOD,
    MAIL_PROVIDER: 'resend',
    MAIL_FROM: 'Sesame <sesame@example.com>',
    CORS_ORIGINS: 'https://sesame.acme.dev/path',
    POLAR_ACCESS_TOKEN: 'sesame',
    PUBLIC_URL: 'https://tollgate.example.com',
    KEY_PREFX: 'sesame',
  })
  expect(code).toBe(1)
  expect(lines.toSorted()).toEqual(
    [
      'CORS_ORIGINS is wrong: each is a scheme and a host, such as https://app.example.com, without a path; cors is off.',
      'KEY_PREFX is not known; did you mean KEY_PREFIX?',
      'MAIL_API_KEY is missing, but MAIL_PROVIDER=resend requires it; mail is off.',
      'MAIL_FROM is no address that a provider sends from; mail is off.',
      'POLAR_WEBHOOK_SECRET is wrong: give both this and POLAR_ACCESS_TOKEN, or neither; polar is off.',
      "PUBLIC_URL is still the example's; everything but verification is off.",
      '5 wrong, 1 suspicious.',
    ].toSorted(),
  )
  expect(lines.join('\n').toLowerCase()).not.toContain('sesame')
})

test.each([
  ['no database', 'postgresql://ada:sesame@db.example.net', 'must name a user, a host and a database'],
  ['no user', 'postgresql://db.example.net/tollgate', 'must name a user, a host and a database'],
  ['the placeholder', 'postgresql://user:password@host.neon.tech/tollgate', 'is still the placeholder'],
])('a database address with %s is impossible', async (_, DATABASE_URL, reason) => {
  expect(await check({ ...GOOD, DATABASE_URL })).toEqual({
    code: 1,
    lines: [`DATABASE_URL is wrong: ${reason}; nothing works without it.`, '1 wrong, 0 suspicious.'],
  })
})

test('a file supplies what the environment does not, and the example file is refused by name', async () => {
  const file = join(folder, 'vars')
  const { SECRET_KEY, ...rest } = GOOD
  await writeFile(file, `SECRET_KEY=${SECRET_KEY}\nPUBLIC_URL=https://overridden.acme.dev\n`)
  expect(await check(rest, `check-config --file ${file}`)).toMatchObject({ code: 0 })
  const { code, lines } = await check({}, 'check-config --file .dev.vars.example')
  expect([code, lines.map((line) => line.split(' ')[0])]).toEqual([
    1,
    ['DATABASE_URL', 'UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN', 'SECRET_KEY', 'JWT_SECRET_KEY', '5'],
  ])
})

const { DATABASE_URL, JWT_SECRET_KEY, SECRET_KEY, PUBLIC_URL } = GOOD
/** What `npm start` needs. */
const START = { DATABASE_URL, JWT_SECRET_KEY, SECRET_KEY, PUBLIC_URL, REDIS_URL: 'redis://cache.acme.dev:6379' }

test('the settings of npm start are complete without a Redis over HTTP, and [vars] are not read for it', async () => {
  const REDIS_SHARD_URLS = 'redis://second.acme.dev:6379'
  expect(await check({ ...START, REDIS_SHARD_URLS, STOP_TIMEOUT_SECONDS: '60', MAIL_FROM: '' })).toEqual({
    code: 0,
    lines: ['0 wrong, 0 suspicious.'],
  })
  const { PUBLIC_URL: _, ...rest } = START
  expect((await check(rest)).lines[0]).toBe('PUBLIC_URL is missing; everything but verification is off.')
})

test('settings that npm start refuses are reported once, next to those that stop a feature, never with a value', async () => {
  const { code, lines } = await check({
    ...START,
    REDIS_SHARD_URLS: 'https://sesame.acme.dev',
    DATABASE_CONNECTIONS: 'sesame',
    SECRET_KEY: 'sesame',
    CORS_ORIGINS: 'https://sesame.acme.dev/path',
    KEY_PREFX: 'sesame',
  })
  expect(code).toBe(1)
  expect(lines.toSorted()).toEqual(
    [
      'REDIS_SHARD_URLS: Address 1 of REDIS_SHARD_URLS must look like redis://host:6379. npm start refuses it.',
      'DATABASE_CONNECTIONS: It must be a whole number above zero. npm start refuses it.',
      'SECRET_KEY is wrong: must have at least 32 bytes; nothing works without it.',
      'CORS_ORIGINS is wrong: each is a scheme and a host, such as https://app.example.com, without a path; cors is off.',
      'KEY_PREFX is not known; did you mean KEY_PREFIX?',
      '4 wrong, 1 suspicious.',
    ].toSorted(),
  )
  expect(lines.join('\n')).not.toContain('sesame')
})

test('without a wrangler.toml, as in the image, npm start is checked', async () => {
  const image = await mkdtemp(join(tmpdir(), 'tollgate-image-'))
  onTestFinished(() => rm(image, { recursive: true }))
  for (const name of ['local', 'src', 'package.json'])
    await cp(join(ROOT, name), join(image, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(image, 'node_modules'))
  const { REDIS_URL, ...rest } = START
  const run = (env: Record<string, string>) =>
    promisify(execFile)(process.execPath, ['local/check-config.ts'], { cwd: image, env })
  expect(await run({ ...rest, REDIS_URL })).toMatchObject({ stdout: '0 wrong, 0 suspicious.\n' })
  await expect(run(rest)).rejects.toMatchObject({
    stdout: 'REDIS_URL: It is missing. npm start refuses it.\n1 wrong, 0 suspicious.\n',
  })
})

test('every form of a TOML string is read, and so are other values', async () => {
  const file = join(folder, 'wrangler.toml')
  await writeFile(
    file,
    `name = "tollgate"
[vars] # of the deployment
OAUTH_SCOPES = '{"reports:read": 1}'
TRUSTED_ISSUERS = """
[
  {"issuer": "sesame"}
]"""
SIGN_IN_PROVIDERS = "[{\\"id\\": \\"sesame\\"}]"
LEAK_REPORT_KEYS = '''
{"public_keys": "sesame"}'''
"KEY_PREFIX" = 7
CORS_ORIGINS="https://sesame.acme.dev/path"
[triggers]
MAIL_PROVIDER = "sesame"
`,
  )
  const { code, lines } = await check(GOOD, `check-config --config ${file}`)
  expect(code).toBe(1)
  expect(lines.map((line) => /^\w+ (?:is wrong|wrong)?/.exec(line)?.[0] ?? '').toSorted()).toEqual(
    [
      'OAUTH_SCOPES is wrong',
      'TRUSTED_ISSUERS is wrong',
      'SIGN_IN_PROVIDERS is wrong',
      'LEAK_REPORT_KEYS is wrong',
      'KEY_PREFIX is wrong',
      'CORS_ORIGINS is wrong',
      '6 wrong',
    ].toSorted(),
  )
  expect(lines.join('\n')).not.toContain('sesame')
})

test('an invalid TOML configuration is refused by its line', async () => {
  const file = join(folder, 'broken.toml')
  await writeFile(file, '[vars]\nKEY_PREFIX = "sesame\n')
  expect(await runScript(`check-config --config ${file}`, GOOD)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^The configuration is no TOML at line 2, column \d+\.\n$/),
  })
})
