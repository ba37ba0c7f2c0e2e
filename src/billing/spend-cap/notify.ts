import { sql } from 'drizzle-orm'
import { ormOver } from '../../db/orm.ts'
import type { Deps } from '../../deps.ts'
import { insertDeliveries } from '../../events/publish.ts'
import { organizationEvent } from '../../events/subjects.ts'
import { errorFields, log } from '../../lib/log.ts'
import { formatUsd } from '../../lib/usd.ts'
import { type Contact, selectContacts } from '../../mail/contacts.ts'
import { insertMails } from '../../mail/outbox.ts'
import { spendCapReached } from '../../mail/templates/alerts.ts'
import { render } from '../../mail/templates/render.tsx'
import { listReached, type ReachedCap } from './queries.ts'

/** Organizations that one run notifies. The next run continues. */
const MAX_CAPS = 200

/** Notifies of spend caps that were reached, once per period: owners and admins by email, endpoints by an event. */
export async function notifySpendCaps(deps: Deps): Promise<number> {
  let told = 0
  for (const cap of await listReached(ormOver(deps.sql), deps.now(), MAX_CAPS)) {
    try {
      if (await notify(deps, cap)) told++
    } catch (error) {
      log('error', 'spend_cap_not_notified', { organization_id: cap.organization_id, ...errorFields(error) })
    }
  }
  return told
}

/** One statement marks the cap and queues its notifications. A second run waits for the mark, and finds nothing. */
async function notify(deps: Deps, cap: ReachedCap): Promise<boolean> {
  const db = ormOver(deps.sql)
  const now = deps.now()
  const organizationId = cap.organization_id
  const isNew = sql`exists (select from marked)`
  const period_start = new Date(cap.period_start).toISOString()
  const event = organizationEvent('spend_cap.reached', organizationId, {
    cost_usd: formatUsd(cap.cost_usd),
    used: formatUsd(cap.used),
    action: cap.action,
    period_start,
  })
  const { rows } = await db.execute<{ is_new: boolean }>(sql`
    with marked as (
      update spend_caps set told_period = ${period_start}::timestamptz
      where organization_id = ${organizationId}::uuid and coalesce(told_period < ${period_start}::timestamptz, true)
      returning 1
    ), mailed as (${insertMails(now, await buildMails(deps, cap), isNew)}),
    told as (${insertDeliveries(now, event, isNew)})
    select ${isNew} as is_new`)
  return rows[0]?.is_new ?? false
}

async function buildMails(deps: Deps, cap: ReachedCap) {
  const { rows } = await ormOver(deps.sql).execute<{ contacts: Contact[] }>(
    sql`select ${selectContacts(sql`${cap.organization_id}::uuid`)} as contacts`,
  )
  const service = deps.config.SERVICE_NAME
  const { organization, action, period_start: periodStart } = cap
  return (rows[0]?.contacts ?? []).map(({ email, name }) =>
    render(
      service,
      email,
      spendCapReached({
        service,
        name,
        organization,
        action,
        cap: formatUsd(cap.cost_usd),
        used: formatUsd(cap.used),
        periodStart,
      }),
    ),
  )
}
