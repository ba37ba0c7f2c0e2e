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
  REDIS_TIMEOUT_MS: '5000', // the machine may be busy; outages are injected, not awaited
  JWT_SECRET_KEY: 'test-jwt-secret-of-at-least-32-bytes',
  SECRET_KEY: 'test-root-secret-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.test',
  MAIL_PROVIDER: 'resend',
  MAIL_API_URL: `${stackUrl}/mail/emails`,
  MAIL_API_KEY: 'test-mail-key',
  MAIL_FROM: 'Tollgate <no-reply@tollgate.test>',
  BREACHED_PASSWORDS_URL: `${stackUrl}/breached/range`,
  CORS_ORIGINS: 'https://app.example.com,https://admin.example.com',
  STACK_URL: stackUrl,
}

export default defineConfig({
  test: {
    globalSetup: './test/support/global-setup.ts',
    testTimeout: 30_000, // a busy machine is slow, not wrong
    projects: [
      {
        extends: true,
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings } })],
        test: {
          name: 'worker',
          maxWorkers: 2,
          include: ['test/**/*.test.ts'],
          exclude: ['test/local/**', 'test/scripts/**'],
        },
      },
      {
        extends: true,
        test: { name: 'node', include: ['test/local/**/*.test.ts', 'test/scripts/**/*.test.ts'] },
      },
    ],
  },
})
