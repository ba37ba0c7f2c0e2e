import { checkUsageAlerts } from '../../src/usage/alerts/job.ts'
import { directly } from './direct.ts'
import { call, newUser, setLimits } from './http.ts'
import { newReceiver } from './webhooks.ts'

export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE
/** A run at a minute that checks recent changes, and one at the minute of the full scan. */
const soon = () =>
  Math.floor(Date.now() / (60 * MINUTE)) * 60 * MINUTE + Math.max(1, new Date().getUTCMinutes()) * MINUTE
export const fullLook = () => Math.floor(Date.now() / (60 * MINUTE)) * 60 * MINUTE

/** An organization with a limit of 1,000 API calls, an endpoint, and usage as the roll-ups have it. */
export async function alertWorld(limits: Record<string, number | null> = { api_calls: 1_000 }) {
  const owner = await newUser()
  const organizationId = owner.user.organization_id as string
  await setLimits(organizationId, limits)
  const { id: endpointId } = await newReceiver(owner.token)
  const { sql } = directly()

  /** @param changedAgo how long ago the sums changed; @param at a moment of the period that they are of */
  async function use(columns: Record<string, number>, changedAgo = 0, at = Date.now()) {
    const names = Object.keys(columns)
    const list = names.map((name) => `${name} = ${Number(columns[name])}`)
    await sql.query(
      `insert into usage_periods (organization_id, period_start, ${names.join(', ')}, updated_at)
       select id, usage_period_start(period_anchor, $2), ${Object.values(columns).map(Number).join(', ')}, $3
       from organizations where id = $1
       on conflict (organization_id, period_start) do update set ${list.join(', ')}, updated_at = $3`,
      [organizationId, new Date(at).toISOString(), new Date(Date.now() - changedAgo).toISOString()],
    )
  }

  const alerts = async () => (await call('GET /api/v1/usage/alerts', { token: owner.token })).body.data
  const thresholds = async () => (await alerts()).map(({ threshold }: { threshold: number }) => threshold)
  const mails = async () =>
    (await sql.query('select subject from mail_outbox where recipient = $1 order by id', [owner.email])).map(
      ({ subject }) => subject as string,
    )
  const events = async () =>
    (
      await sql.query(
        `select type, payload from webhook_deliveries where endpoint_id = $1 and type like 'quota.%'
         order by created_at, type desc`,
        [endpointId],
      )
    ).map(({ type, payload }) => [type, payload.data.threshold ?? payload.data.amount])
  const run = (at = soon()) => checkUsageAlerts(directly(), at)
  const put = (body: object) => call('PUT /api/v1/usage/alerts/thresholds', { token: owner.token, body })
  const choose = (list: number[] | null) => put({ thresholds: list })
  return { ...owner, organizationId, use, alerts, thresholds, mails, events, run, put, choose }
}
