import { afterAll, expect, onTestFinished, test } from 'vitest'
import { LOCAL_BILLING } from '../../../local/stack/payments/routes.ts'
import { execute, scratchDatabase } from '../../support/scratch-database.ts'
import { emptyDatabase, runScript } from './support.ts'

const database = await emptyDatabase()
const stack = database.env.NEON_FETCH_ENDPOINT.replace(/\/sql$/, '')

afterAll(() => database.close())

const env = {
  ...database.env,
  UPSTASH_REDIS_REST_URL: `${stack}/redis`,
  UPSTASH_REDIS_REST_TOKEN: 'test-redis-token',
  JWT_SECRET_KEY: 'x'.repeat(32),
  SECRET_KEY: 'y'.repeat(32),
  PUBLIC_URL: 'http://localhost:8000',
  POLAR_ACCESS_TOKEN: LOCAL_BILLING.polar.token,
  POLAR_WEBHOOK_SECRET: LOCAL_BILLING.polar.webhookSecret,
  POLAR_API_URL: `${stack}/polar/v1`,
}

/** Those of `npm start`. */
const ofStart = {
  DATABASE_URL: process.env.DATABASE_URL ?? 'postgresql://nobody@127.0.0.1:1/none',
  REDIS_URL: process.env.REDIS_URL ?? 'redis://127.0.0.1:1',
  JWT_SECRET_KEY: env.JWT_SECRET_KEY,
  SECRET_KEY: env.SECRET_KEY,
  PUBLIC_URL: env.PUBLIC_URL,
}

async function keep(eventId: string, type: string, state: string) {
  await database.sql.query(
    `insert into billing_events (id, provider, event_id, type, payload, state, occurred_at)
     values (gen_random_uuid(), 'polar', $1, $2, '{}', $3, now())`,
    [eventId, type, state],
  )
}

test('one event, the failed ones or all are replayed, each with a line of its outcome; drift is reported', async () => {
  expect((await runScript('migrate up', database.env)).code).toBe(0)
  await keep('evt-done', 'benefit.created', 'done')
  await keep('evt-failed', 'benefit.updated', 'failed')
  await keep('evt-odd', 'subscription.updated', 'failed')
  expect(await runScript('billing replay --event evt-done', env)).toMatchObject({
    code: 0,
    stdout: 'polar evt-done benefit.created: stored\n1 done, 0 not.\n',
  })
  const failed = await runScript('billing replay --failed', env)
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining('1 done, 1 not.') })
  expect(failed.stdout).toContain('polar evt-odd subscription.updated: failed: ')
  expect((await runScript('billing replay', env)).stdout).toContain('2 done, 1 not.')
  expect(await runScript('billing drift', env)).toMatchObject({ code: 0, stdout: '0 compared, 0 differ.\n' })
})

test('an error is one line: an unknown event, a missing variable, an unknown action', async () => {
  for (const [line, variables, message] of [
    ['billing replay --event nothing', env, 'There is no event nothing.'],
    ['billing drift', database.env, 'Missing or wrong: UPSTASH_REDIS_REST_URL'],
    ['billing drift', { ...ofStart, SECRET_KEY: undefined }, 'Missing or wrong: SECRET_KEY.'],
    ['billing refund', env, 'See npm run billing -- --help'],
  ] as const) {
    const { code, stderr } = await runScript(line, variables)
    expect(code).toBe(1)
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(message)])
  }
  expect((await runScript('billing --help', {})).stdout).toContain('Usage: npm run billing')
})

test.runIf(process.env.DATABASE_URL && process.env.REDIS_URL)('the variables of npm start are enough', async () => {
  const scratch = await scratchDatabase(ofStart.DATABASE_URL)
  onTestFinished(scratch.drop)
  const { POLAR_ACCESS_TOKEN, POLAR_WEBHOOK_SECRET, POLAR_API_URL } = env
  const started = { ...ofStart, DATABASE_URL: scratch.url, POLAR_ACCESS_TOKEN, POLAR_WEBHOOK_SECRET, POLAR_API_URL }
  expect((await runScript('migrate up', started)).code).toBe(0)
  await execute(
    scratch.url,
    `insert into billing_events (id, provider, event_id, type, payload, state, occurred_at)
     values (gen_random_uuid(), 'polar', 'evt-1', 'benefit.created', '{}', 'failed', now())`,
  )
  expect(await runScript('billing replay', started)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 done'),
  })
  expect(await runScript('billing drift', started)).toMatchObject({ code: 0, stdout: '0 compared, 0 differ.\n' })
})
