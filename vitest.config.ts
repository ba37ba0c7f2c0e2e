import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { freePort } from './local/free-port.ts'

/** The Worker under test gets the local stack's address as a binding, so the port is chosen before anything starts. */
process.env.TEST_STACK_PORT ??= String(await freePort()) // each project evaluates this file again
const stackUrl = `http://127.0.0.1:${process.env.TEST_STACK_PORT}`

/** Secrets of the tests alone; they sign nothing else. */
const bindings = {
  DATABASE_URL: 'postgresql://postgres:local@localhost/postgres',
  NEON_FETCH_ENDPOINT: `${stackUrl}/sql`,
  UPSTASH_REDIS_REST_URL: `${stackUrl}/redis`,
  UPSTASH_REDIS_REST_TOKEN: 'test-redis-token',
  REQUEST_BUDGET_MS: '60000',
  DATABASE_TIMEOUT_MS: '20000', // the machine may be busy; outages are injected, not awaited
  REDIS_TIMEOUT_MS: '5000',
  BREACHED_PASSWORDS_TIMEOUT_MS: '3000',
  JWT_SECRET_KEY: 'test-jwt-secret-of-at-least-32-bytes',
  SECRET_KEY: 'test-root-secret-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.test',
  MAIL_PROVIDER: 'resend',
  MAIL_API_URL: `${stackUrl}/mail/emails`,
  MAIL_API_KEY: 'test-mail-key',
  MAIL_FROM: 'Tollgate <no-reply@tollgate.test>',
  BREACHED_PASSWORDS_URL: `${stackUrl}/breached/range`,
  POLAR_ACCESS_TOKEN: 'polar_oat_local', // those of local/billing-doors-routes.ts
  POLAR_WEBHOOK_SECRET: 'polar_whs_local-secret-of-the-stack',
  POLAR_API_URL: `${stackUrl}/polar/v1`,
  STRIPE_SECRET_KEY: 'sk_test_local',
  STRIPE_WEBHOOK_SECRET: 'whsec_local-secret-of-the-stack',
  STRIPE_API_URL: `${stackUrl}/stripe/v1`,
  CORS_ORIGINS: 'https://app.example.com,https://admin.example.com',
  STACK_URL: stackUrl,
}

const IN_NODE = ['test/local/**', 'test/scripts/**']

/** Tests of pure functions: they call no Worker and share no module that remembers, so one isolate does for all of them. */
const isPure = (file: string) => !/cloudflare:workers|\/support\/(?!jwk)|resetModules/.test(readFileSync(file, 'utf8'))
const IN_WORKERD = globSync('test/**/*.test.ts', { exclude: IN_NODE })
const PURE = IN_WORKERD.filter(isPure)

/** Tests that only call the Worker and never load its modules anew: they share one isolate, as requests to it do. */
const isApi = (file: string) =>
  !isPure(file) && !/newIsolate|workerWith|resetModules|useFakeTimers/.test(readFileSync(file, 'utf8'))
const API = IN_WORKERD.filter(isApi)

/**
 * What the Worker imports, bundled once: else each file of tests asks for hundreds of modules one by one, which takes more
 * time than most of the tests. All entries of a package that is here must be: two copies would not know each other's classes.
 */
const BUNDLED = [
  '@hono/zod-openapi',
  '@neondatabase/serverless',
  '@noble/hashes/blake2.js',
  '@noble/hashes/hmac.js',
  '@noble/hashes/legacy.js',
  '@noble/hashes/sha2.js',
  '@noble/hashes/utils.js',
  '@upstash/ratelimit',
  '@upstash/redis/cloudflare',
  'drizzle-orm',
  'drizzle-orm/neon-http',
  'drizzle-orm/pg-core',
  'hono',
  'hono/cors',
  'hono/factory',
  'hono/html',
  'hono/jsx/jsx-dev-runtime',
  'hono/jsx/jsx-runtime',
  'hono/route',
  'jose',
  'uqr',
  'zod',
]
const optimizer = { ssr: { enabled: true, include: BUNDLED } }

/** Hashes cost what they cost only where that is what is tested: in the tests of pure functions. */
const cheapHashes = {
  alias: [
    {
      find: /^.*\/password-cost\.ts$/,
      replacement: fileURLToPath(new URL('test/support/cheap-password-cost.ts', import.meta.url)),
    },
  ],
}

const workerd = () =>
  cloudflareTest({ main: './src/index.ts', wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings } })

export default defineConfig({
  test: {
    globalSetup: './test/support/global-setup.ts',
    silent: 'passed-only', // a refusal that a test expects is logged by the Worker as any other; a failing test shows its logs
    slowTestThreshold: 5_000,
    testTimeout: 30_000, // a busy machine is slow, not wrong
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        plugins: [workerd()],
        test: {
          name: 'worker',
          ...cheapHashes,
          maxWorkers: 2,
          deps: { optimizer },
          include: ['test/**/*.test.ts'],
          exclude: [...IN_NODE, ...PURE, ...API],
        },
      },
      {
        extends: true,
        plugins: [workerd()],
        test: {
          name: 'api',
          ...cheapHashes,
          maxWorkers: 2,
          isolate: false,
          deps: { optimizer },
          setupFiles: './test/support/ready.ts',
          include: API,
        },
      },
      {
        extends: true,
        plugins: [workerd()],
        test: { name: 'pure', maxWorkers: 2, isolate: false, include: PURE },
      },
      {
        extends: true,
        test: { name: 'node', maxWorkers: 2, include: IN_NODE.map((folder) => `${folder}/*.test.ts`) },
      },
    ],
  },
})
