import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

/** `import … from '…'` and `export … from '…'` that are there at run time, not for types alone. */
const STATIC = /^(?:import|export)\s+(?!type\s)(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm

/** Everything that is evaluated before the first request: what the entry imports statically, and so on. */
function eager(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(STATIC)) {
    if (specifier.startsWith('.')) eager(join(dirname(file), specifier), seen)
    else seen.add(specifier)
  }
  return seen
}

const found = eager('src/index.ts')
const packages = [...found].filter((name) => !name.startsWith('src/'))

test('before the first verification only what it needs is evaluated', () => {
  expect(
    packages
      .map((name) =>
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      )
      .toSorted(),
  ).toEqual(expect.arrayContaining(['@neondatabase/serverless', '@upstash/ratelimit', '@upstash/redis', 'hono', 'zod']))
  for (const heavy of [
    'drizzle-orm',
    'jose',
    '@hono/zod-openapi',
    'uqr',
    'bcryptjs',
    'argon2id',
    '#argon2id.wasm',
    'hono/jsx',
  ]) {
    expect(packages.filter((name) => name.startsWith(heavy))).toEqual([])
  }
})

test('it includes no feature but verification, limits and metering', () => {
  const features = new Set([...found].filter((name) => name.startsWith('src/')).map((name) => name.split('/')[1]))
  for (const lazy of [
    'accounts',
    'admin',
    'api',
    'audit',
    'auth',
    'billing',
    'jobs',
    'keys',
    'mail',
    'organizations',
    'privacy',
    'usage',
    'webhooks',
  ])
    expect(features).not.toContain(lazy)
})

test('of the shared schema fields it has only those that it needs', () => {
  expect([...found].filter((name) => name.startsWith('src/http/') && name.includes('field'))).toEqual([
    'src/http/text-field.ts',
    'src/http/usage-fields.ts',
  ])
})

test('no price is read before an event has tokens without a cost', () => {
  expect([...found].filter((name) => name.startsWith('src/usage/pricing'))).toEqual([])
})

test('nothing of the payment providers is evaluated before its first use, and their SDKs never', () => {
  const everyMinute = [...eager('src/jobs/run.ts')]
  const providers = [
    'providers/polar',
    'providers/stripe',
    'webhooks/receive',
    'subscriptions/sync',
    'reconcile/job',
  ].map((name) => `src/billing/${name}.ts`)
  expect(everyMinute.filter((name) => providers.includes(name))).toEqual([])
  const whole = [...everyMinute, ...eager('src/management.ts'), ...eager('src/billing/webhooks/receive.ts')]
  expect(whole).toEqual(expect.arrayContaining(providers.filter((name) => !name.endsWith('reconcile/job.ts'))))
  expect(whole.filter((name) => /^(stripe|@polar-sh|standardwebhooks)/.test(name))).toEqual([])
})

test("every other module is loaded by `lazily`, so that no request waits for another one's import", () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
  const loads = files.flatMap((file) =>
    readFileSync(join('src', file), 'utf8')
      .split('\n')
      .filter((line) => /(?<!typeof )\bimport\(/.test(line) && !/^\s*(\*|\/\/)/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
  expect(loads.length).toBeGreaterThan(10)
  expect(loads.filter((load) => !load.includes('lazily(() => import('))).toEqual([])
})
