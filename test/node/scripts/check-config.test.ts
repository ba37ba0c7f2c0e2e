import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runScript } from './support.ts'

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

test('a complete environment has nothing wrong', async () => {
  expect(await check(GOOD)).toEqual({ code: 0, lines: ['0 wrong, 0 suspicious.'] })
})

test('what is missing, wrong, impossible and suspicious is said by name, with what it stops, and never a value', async () => {
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

test('a file gives what the environment does not, and the example file is refused by name', async () => {
  const file = join(folder, 'vars')
  const { SECRET_KEY, ...rest } = GOOD
  await writeFile(file, `SECRET_KEY=${SECRET_KEY}\nPUBLIC_URL=https://overridden.acme.dev\n`)
  expect(await check(rest, `check-config --file ${file}`)).toMatchObject({ code: 0 })
  const { code, lines } = await check({}, 'check-config --file .dev.vars.example')
  expect([code, lines.map((line) => line.split(' ')[0])]).toEqual([
    1,
    ['DATABASE_URL', 'UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN', 'JWT_SECRET_KEY', 'SECRET_KEY', '5'],
  ])
})
