import { sql } from 'drizzle-orm'
import { ormOver } from '../../db/orm.ts'
import { ALL_METERS, METER_ROWS, type Meter } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { insertDeliveries } from '../../events/publish.ts'
import { insertStates, replaceStates } from '../../events/state.ts'
import { organizationEvent } from '../../events/subjects.ts'
import { formatNamedAmount } from '../../limits/quota-reading.ts'
import { selectContacts } from '../../mail/contacts.ts'
import { insertMails } from '../../mail/outbox.ts'
import { amountAlert, usageAlert } from '../../mail/templates/alerts.ts'
import { render } from '../../mail/templates/render.tsx'
import type { OpenAlert, OpenAlerts } from './queries.ts'
import { toPassed } from './to-passed.ts'

/** The maximum of organizations and meters that one run notifies about. The next run continues. */
export const MAX_RECIPIENTS = 200
const AT_ONCE = 6

/**
 * The result for one organization, meter, kind and period: this run or another one notified, or `reason` says why it failed.
 */
interface Notified {
  readonly organizationId: string
  readonly isTold: boolean
  readonly reason?: unknown
}

/**
 * Sends the open notifications: for each organization, meter, kind and period the highest threshold of the limit that
 * was passed last, or the highest amount. One that fails does not affect the others.
 */
export async function notifyAll(deps: Deps): Promise<Notified[]> {
  const open = await selectOpen(deps)
  const results: Notified[] = []
  for (let from = 0; from < open.length; from += AT_ONCE)
    results.push(...(await Promise.all(open.slice(from, from + AT_ONCE).map((one) => tryNotify(deps, one)))))
  return results
}

async function tryNotify(deps: Deps, open: OpenAlerts): Promise<Notified> {
  const organizationId = open.organization_id
  try {
    return { organizationId, isTold: await notify(deps, open) }
  } catch (reason) {
    return { organizationId, isTold: false, reason }
  }
}

async function selectOpen(deps: Deps): Promise<OpenAlerts[]> {
  const { rows } = await ormOver(deps.sql).execute<OpenAlerts & Record<string, unknown>>(sql`
    select o.id as organization_id, o.name as organization, to_json(grouped.period_start) #>> '{}' as period_start, grouped.meter, grouped.kind,
      (select name from meters where slug = grouped.meter and not is_builtin) as label,
      grouped.alerts, ${selectContacts(sql`o.id`)} as responsible
    from (
      select organization_id, period_start, meter, kind,
        json_agg(json_build_object('id', id, 'threshold', threshold, 'limit', limit_value, 'used', used, 'crossed_at', crossed_at)
          order by case kind when 'percentage' then passed_last end desc, limit_value desc, threshold desc) as alerts
      from (
        select *, max(crossed_at) over (partition by organization_id, period_start, meter, kind, limit_value) as passed_last
        from usage_alerts where notified_at is null) open
      group by organization_id, period_start, meter, kind
      order by random() -- alerts that always fail must not block the others forever
      limit ${MAX_RECIPIENTS}::int) grouped
    join organizations o on o.id = grouped.organization_id`)
  return rows
}

/**
 * One statement marks the alerts as notified and, if the reported one was still open, queues emails and webhooks. A
 * second run waits for the mark of the first, and finds nothing to notify.
 */
async function notify(deps: Deps, open: OpenAlerts): Promise<boolean> {
  const now = deps.now()
  const [highest] = open.alerts
  const organizationId = open.organization_id
  const organization = sql`select ${organizationId}::uuid as id`
  const isNew = sql`exists (select from notified where id = ${highest.id}::uuid)`
  // Overage passes 150 % together with 100 %, or long after it: the limit is reached once.
  const full = open.alerts.find(
    ({ threshold, limit }) => open.kind === 'percentage' && threshold === 100 && limit === highest.limit,
  )
  const isFull = full ? sql`exists (select from notified where id = ${full.id}::uuid)` : sql`false`
  // reading all rows of another part of the statement makes that part run first
  const isStated = sql`${isNew} and (select count(*) from stated) >= 0`
  const { rows } = await ormOver(deps.sql).execute<{ is_new: boolean }>(sql`
    with notified as (
      update usage_alerts set notified_at = ${new Date(now).toISOString()}::timestamptz
      where organization_id = ${organizationId}::uuid and notified_at is null
        and id = any(string_to_array(${open.alerts.map(({ id }) => id).join(',')}, ',')::uuid[])
      returning id
    ), mailed as (${insertMails(now, buildMails(deps, open), isNew)}),
    passed as (${insertDeliveries(now, buildPassed(open, highest), isNew)}),
    reached as (${insertDeliveries(now, buildExhausted(open, full ?? highest), isFull)}),
    stated as (${insertStates(now, organization, isNew)}),
    replaced as (${replaceStates(organization, isStated)})
    select ${isNew} as is_new`)
  return rows[0]?.is_new ?? false
}

const describe = ({ meter, period_start }: OpenAlerts, { id, used, crossed_at }: OpenAlert) => ({
  alert_id: id,
  meter,
  used: formatNamedAmount(meter, used),
  period_start: new Date(period_start).toISOString(),
  crossed_at: new Date(crossed_at).toISOString(),
})

const buildPassed = (open: OpenAlerts, alert: OpenAlert) =>
  organizationEvent('quota.threshold_reached', open.organization_id, {
    ...describe(open, alert),
    kind: open.kind,
    ...toPassed({ ...alert, meter: open.meter, kind: open.kind }),
  })

const buildExhausted = (open: OpenAlerts, alert: OpenAlert) =>
  organizationEvent('quota.exhausted', open.organization_id, {
    ...describe(open, alert),
    threshold: alert.threshold,
    limit: formatNamedAmount(open.meter, alert.limit),
  })

const isMeter = (name: string): name is Meter => (ALL_METERS as readonly string[]).includes(name)

function buildMails({ config }: Deps, open: OpenAlerts) {
  const service = config.SERVICE_NAME
  const { kind, organization, period_start: periodStart } = open
  const { threshold, limit, used } = open.alerts[0]
  const what = open.label ?? (isMeter(open.meter) ? METER_ROWS[open.meter].label : open.meter)
  const about = { service, organization, what, periodStart, used }
  return open.responsible.map(({ email, name }) => {
    const content =
      kind === 'percentage'
        ? usageAlert({ ...about, name, threshold, limit })
        : amountAlert({ ...about, name, kind, amount: limit })
    return render(service, email, content)
  })
}
