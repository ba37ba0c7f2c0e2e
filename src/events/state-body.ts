import { sql } from 'drizzle-orm'
import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { readQuotas } from '../limits/quotas.ts'
import { STATE_EVENT } from './event-types.ts'
import { isoText, ORGANIZATION } from './payload.ts'
import { SUBSCRIPTION } from './subjects.ts'

const SELECT_STATE = sql`
  jsonb_build_object('organization', ${ORGANIZATION}, 'slug', o.slug, 'is_personal', o.is_personal,
    'created_at', ${isoText(sql`o.created_at`)}, 'suspended_at', ${isoText(sql`o.suspended_at`)},
    'suspended_reason', o.suspended_reason, 'plan', jsonb_build_object('id', split_part(p.id, '@', 1), 'name', p.name),
    'subscription', (select ${SUBSCRIPTION} from subscriptions s where s.organization_id = o.id and s.is_current),
    'members', (select count(*) from memberships m where m.organization_id = o.id),
    'active_keys', (select count(*) from api_keys k where k.organization_id = o.id and k.is_active
      and (k.revoked_at is null or k.revoked_at > now()) and (k.expires_at is null or k.expires_at > now())))`

/** Fields for the operator only: no route shows them to the organization's members. */
const SELECT_NOTES = sql`jsonb_build_object('email', o.email, 'metadata', o.metadata)`

interface StateDelivery {
  readonly id: string
  readonly stateOf: string
  /** Whether the endpoint belongs to the operator. */
  readonly isOperator: boolean
}

/**
 * Builds the body of a state just before it is sent, from the committed data, and stores it as the body that was sent.
 *
 * @returns undefined if the organization was deleted
 */
export async function refreshState(
  deps: Deps,
  { id, stateOf, isOperator }: StateDelivery,
): Promise<string | undefined> {
  const db = ormOver(deps.sql)
  const { rows } = await db.execute<{ data: Record<string, unknown> }>(sql`
    select ${SELECT_STATE} || ${isOperator ? SELECT_NOTES : sql`'{}'`} as data from organizations o join plans p on p.id = o.plan_id where o.id = ${stateOf}::uuid`)
  if (!rows[0]) return undefined
  const quotas = await readQuotas(deps, stateOf)
  const data = {
    ...rows[0].data,
    features: quotas.features,
    limits: { rate_limit_per_minute: quotas.rate_limit_per_minute, max_api_keys: quotas.max_api_keys },
    period: quotas.period,
    resets_at: quotas.resets_at,
    quotas: quotas.meters,
    credits: quotas.credits ?? null,
  }
  const body = JSON.stringify({ type: STATE_EVENT, timestamp: new Date(deps.now()).toISOString(), data })
  await db.execute(sql`update webhook_deliveries set payload = ${body}::jsonb where id = ${id}::uuid`)
  return body
}
