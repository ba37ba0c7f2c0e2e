import { type SQL, sql } from 'drizzle-orm'
import { type Statement, whenCommitted } from '../db/batch.ts'
import { selectDeliveriesLocked } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { STATE_EVENT } from './event-types.ts'
import { buildPayload, newIdLike, ORGANIZATION } from './payload.ts'
import { isAskingFor, sendSoon } from './publish.ts'

/** The reason for giving up an older state, which is not a failure of the endpoint. */
const REPLACED = 'A newer state took its place.'

/** Endpoints that subscribe to the state of an organization `s.id`. */
const ASKING = sql`${isAskingFor(STATE_EVENT)} and (e.is_operator or e.organization_id = s.id)`

/**
 * The statement that gives up deliveries of older states, so that one state per organization waits for an endpoint. It runs
 * after {@link insertStates}, which locks the endpoints: recording an attempt also locks the endpoint first.
 *
 * @param organizations a query of their ids, as `id`
 */
export function replaceStates(organizations: SQL, provided: SQL = sql`true`): SQL {
  const isOlder = sql`state_of in (select id from (${organizations}) s where ${provided})
    and attempts > 0 and next_attempt_at is not null`
  return sql`
    update webhook_deliveries d set state = 'failed', next_attempt_at = null, last_error = ${REPLACED}
    from (${selectDeliveriesLocked(isOlder)}) older where d.id = older.id`
}

/**
 * The statement that creates deliveries of the state of organizations to the subscribed endpoints. A state that still waits
 * for its first attempt covers the new change as well, because its body is built when it is sent (`refreshState`). Its row is
 * locked, so that no attempt starts before this change is committed. It returns the ids of the deliveries.
 */
export function insertStates(now: number, organizations: SQL, provided: SQL = sql`true`): SQL {
  const at = new Date(now).toISOString()
  return sql`
    with subject as materialized (select id from (${organizations}) s where ${provided}), asking as materialized (
      select e.id, e.organization_id, e.is_operator, e.paused_until from webhook_endpoints e
      where exists (select from subject s where ${ASKING}) order by e.id for key share
    )
    insert into webhook_deliveries
      (id, organization_id, endpoint_id, event_id, type, payload, state_of, next_attempt_at, created_at)
    select ${newIdLike(uuidv7(now))}, e.organization_id, e.id, 'evt_' || ${newIdLike(uuidv7(now))}, ${STATE_EVENT},
      ${buildPayload(STATE_EVENT, at, sql`jsonb_build_object('organization', ${ORGANIZATION})`)}, s.id,
      greatest(${at}::timestamptz, e.paused_until), ${at}::timestamptz
    from subject s join organizations o on o.id = s.id join asking e on e.is_operator or e.organization_id = s.id
    order by e.id, s.id
    on conflict (endpoint_id, state_of) where state_of is not null and attempts = 0 and next_attempt_at is not null
      do update set event_id = webhook_deliveries.event_id
    returning id`
}

/** The steps of a batch that publish the state of organizations, after the steps that change it. */
export function statesPublished(deps: ManagementDeps, organizations: SQL): Statement[] {
  const inserted = deps.db.execute<{ id: string }>(insertStates(deps.now(), organizations))
  return [
    whenCommitted(inserted, ({ rows }) =>
      sendSoon(
        deps,
        rows.map(({ id }) => id),
      ),
    ),
    deps.db.execute(replaceStates(organizations)),
  ]
}

/** The same for one organization. */
export const statePublished = (deps: ManagementDeps, organizationId: string): Statement[] =>
  statesPublished(deps, sql`select ${organizationId}::uuid as id`)
