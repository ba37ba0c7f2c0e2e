import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { freePort } from './local/stack/free-port.ts'
import { localProviders } from './local/support/local-providers.ts'
import { LOCAL_SCOPES } from './local/support/local-scopes.ts'

/** The Worker under test gets the local stack's address as a binding, so the port is chosen before anything starts. */
process.env.TEST_STACK_PORT ??= String(await freePort()) // each project evaluates this file again
const stackUrl = `http://127.0.0.1:${process.env.TEST_STACK_PORT}`

/** The folder that wrangler.toml names must exist, also where nothing is built yet. */
mkdirSync(new URL('dist/assets', import.meta.url), { recursive: true })

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
  METRICS_TOKEN: 'test-metrics-token-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.test',
  MAIL_PROVIDER: 'resend',
  MAIL_API_URL: `${stackUrl}/mail/emails`,
  MAIL_API_KEY: 'test-mail-key',
  MAIL_FROM: 'Tollgate <no-reply@tollgate.test>',
  BREACHED_PASSWORDS_URL: `${stackUrl}/breached/range`,
  DNS_URL: `${stackUrl}/dns-query`,
  POLAR_ACCESS_TOKEN: 'polar_oat_local', // those of local/stack/payments/routes.ts
  POLAR_WEBHOOK_SECRET: 'polar_whs_local-secret-of-the-stack',
  POLAR_API_URL: `${stackUrl}/polar/v1`,
  POLAR_CREDIT_PRODUCT_ID: '00000000-0000-4000-8000-0000000000c0', // that of local/stack/payments/products.ts
  STRIPE_SECRET_KEY: 'sk_test_local',
  STRIPE_WEBHOOK_SECRET: 'whsec_local-secret-of-the-stack',
  STRIPE_API_URL: `${stackUrl}/stripe/v1`,
  SIGN_IN_PROVIDERS: JSON.stringify(localProviders(stackUrl)),
  OAUTH_SCOPES: JSON.stringify(LOCAL_SCOPES),
  CORS_ORIGINS: 'https://app.example.com,https://admin.example.com',
  STACK_URL: stackUrl,
}

/**
 * What the Worker imports, bundled once: else each file of tests asks for hundreds of modules one by one, which takes more
 * time than most of the tests. All entries of a package that is here must be: two copies would not know each other's classes.
 */
const BUNDLED = [
  '@hono/zod-openapi',
  '@modelcontextprotocol/sdk/server/index.js',
  '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js',
  '@modelcontextprotocol/sdk/types.js',
  '@neondatabase/serverless',
  '@noble/hashes/blake2.js',
  '@noble/hashes/hmac.js',
  '@noble/hashes/legacy.js',
  '@noble/hashes/scrypt.js',
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
  'oauth4webapi',
  'uqr',
  'zod',
]
const optimizer = { ssr: { enabled: true, include: BUNDLED } }

/**
 * Password hashes are cheap everywhere but in the unit tests, which test the real ones. A webhook's endpoint on a busy
 * machine is slow later than elsewhere.
 */
const forTests = {
  alias: [
    {
      find: /^.*\/hash-cost\.ts$/,
      replacement: fileURLToPath(new URL('test/support/cheap-password-cost.ts', import.meta.url)),
    },
    {
      find: /^.*\/slow-ms\.ts$/,
      replacement: fileURLToPath(new URL('test/support/patient-slow-ms.ts', import.meta.url)),
    },
  ],
}

/** Isolates that a test gives one of these as `USAGE_QUEUE` send to it; the Worker under test is their consumer, and that of dead letters. */
const queues = {
  queueProducers: { QUEUE: 'tollgate-usage', IMPATIENT_QUEUE: 'tollgate-impatient' },
  queueConsumers: {
    'tollgate-usage': { maxBatchSize: 100, maxBatchTimeout: 1, maxRetries: 100 },
    'tollgate-impatient': { maxBatchSize: 100, maxBatchTimeout: 0.1, maxRetries: 0, deadLetterQueue: 'tollgate-dead' },
    'tollgate-dead': { maxBatchSize: 100, maxBatchTimeout: 0.1, maxRetries: 100 },
  },
}

const workerd = (more = {}) =>
  cloudflareTest({
    main: './src/index.ts',
    wrangler: { configPath: './wrangler.toml' },
    miniflare: { bindings, ...more },
  })

export default defineConfig({
  test: {
    globalSetup: './test/support/global-setup.ts',
    silent: 'passed-only', // a refusal that a test expects is logged by the Worker as any other; a failing test shows its logs
    coverage: {
      provider: 'istanbul', // V8's own is not to be had in workerd
      include: ['src/**/*.{ts,tsx}'],
      reporter: ['text-summary', 'json-summary', 'html'],
      reportsDirectory: '.local/coverage',
      thresholds: { lines: 90, branches: 90 },
    },
    slowTestThreshold: 5_000,
    testTimeout: 30_000, // a busy machine is slow, not wrong
    hookTimeout: 60_000,
    /**
     * One project per folder, by how much its tests share: `unit` tests pure functions. `api` and `isolation` call one Worker
     * that keeps its state. In `isolates` each file starts with a fresh Worker, in a process that all files share: starting
     * one takes longer than most of the tests. `node` runs scripts and the local stack.
     */
    projects: [
      {
        extends: true,
        plugins: [workerd(queues)],
        test: {
          name: 'isolates',
          ...forTests,
          maxWorkers: 2,
          isolate: false,
          deps: { optimizer },
          setupFiles: ['./test/support/forget-worker.ts', './test/support/ready.ts'],
          sequence: { setupFiles: 'list' },
          include: ['test/isolates/**/*.test.ts'],
        },
      },
      {
        extends: true,
        plugins: [workerd()],
        test: {
          name: 'api',
          ...forTests,
          maxWorkers: 2,
          isolate: false,
          deps: { optimizer },
          setupFiles: './test/support/ready.ts',
          include: ['test/{api,isolation}/**/*.test.ts'],
        },
      },
      {
        extends: true,
        plugins: [workerd()],
        test: { name: 'unit', maxWorkers: 2, isolate: false, include: ['test/unit/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'node',
          maxWorkers: 2,
          globalSetup: './test/support/node-setup.ts',
          include: ['test/node/**/*.test.ts'],
        },
      },
    ],
  },
})
