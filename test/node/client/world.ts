/** One Tollgate that runs as deployed, and a service key that may do everything. */
import { openWorld } from '../../../bench/bench-world.ts'
import { type Service, startWorkerd } from '../../../bench/worker.ts'
import { LOCAL_BILLING } from '../../../local/stack/payments/routes.ts'
import { ensureKey } from '../../../local/support/seed-data.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { builtWorker } from '../built-worker.ts'

export type ClientWorld = Awaited<ReturnType<typeof startTollgate>>

const PLATFORM = 'select id from organizations where is_platform'

interface Choices {
  /** Whether the local Stripe can be paid. */
  readonly sells?: boolean
  readonly settings?: Readonly<Record<string, string>>
}

export async function startTollgate({ sells = false, settings }: Choices = {}) {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env
  const [world, bundle] = await Promise.all([openWorld({ databaseUrl, redisUrl }), builtWorker()])
  const { token, webhookSecret } = LOCAL_BILLING.stripe
  const stripe = {
    STRIPE_API_URL: `${world.stackUrl}/stripe/v1`,
    STRIPE_SECRET_KEY: token,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
  }
  const tollgate: Service = { bundle, variables: { ...world.variables, ...(sells && stripe), ...settings } }
  const worker = await startWorkerd({ tollgate })
  const [platform] = await world.sql.query(PLATFORM)
  const serviceKey = await ensureKey(ormOver(world.sql), {
    organizationId: (platform as { id: string }).id,
    name: 'Client tests',
    prefix: 'svc',
    environment: 'live',
    scopes: ['platform:*'],
  })
  return {
    url: worker.url,
    /** Of the local services, including the model. */
    stackUrl: world.stackUrl,
    sql: world.sql,
    serviceKey,
    /** To bind another Worker to it, in a process that both share. */
    tollgate,
    async close() {
      await worker.kill()
      await world.close()
    },
  }
}
