import { hexToBytes } from '@noble/hashes/utils.js'
import type { Deps } from '../deps.ts'
import { BACK_OFF_SECONDS } from './retries.ts'

/**
 * Due deliveries, the oldest of each endpoint, and of each organization one before the second of any: neither a dead
 * endpoint with a long queue nor an organization with ten of them keeps others from theirs. Each is claimed so that two
 * runs at once do not send it twice, and put off so that a dead run's are tried again.
 *
 * An endpoint is failing while something waits for it that did not arrive at the last attempt.
 */
const CLAIM = `
with failing as (
  select distinct endpoint_id from webhook_deliveries where next_attempt_at is not null and last_error is not null
), due as (
  select distinct on (endpoint_id) id, organization_id, next_attempt_at from webhook_deliveries
  where next_attempt_at <= $1 and ($3::uuid[] is null or id = any($3))
    and ($5::boolean is null or $5 = (endpoint_id in (select endpoint_id from failing)))
  order by endpoint_id, next_attempt_at, id
), turns as (
  select id, row_number() over (partition by organization_id order by next_attempt_at, id) as turn from due
)
update webhook_deliveries d set attempts = d.attempts + 1,
  next_attempt_at = $1::timestamptz
    + make_interval(secs => ($2::int[])[least(d.attempts + 1, cardinality($2::int[]))] * (1 + random() / 5))
from webhook_endpoints e
where e.id = d.endpoint_id and d.id = any(array(
  select one.id from webhook_deliveries one join turns on turns.id = one.id
  where one.next_attempt_at <= $1
  order by turns.turn, one.next_attempt_at limit $4 for update of one skip locked))
returning d.id, d.organization_id, d.endpoint_id, d.event_id, d.type, d.payload::text as body, d.attempts, e.url, e.is_active,
  encode(e.secret, 'hex') as secret,
  encode(case when e.previous_secret_until > $1 then e.previous_secret end, 'hex') as previous_secret`

interface Row {
  readonly id: string
  readonly organization_id: string
  readonly endpoint_id: string
  readonly event_id: string
  readonly type: string
  readonly body: string
  readonly attempts: number
  readonly url: string
  readonly is_active: boolean
  readonly secret: string
  readonly previous_secret: string | null
}

/** One attempt that is this run's alone to make. */
export type Claimed = ReturnType<typeof claimedFrom>

interface Which {
  readonly atMost: number
  /** These alone, as far as they are due; any when absent. */
  readonly ids?: readonly string[]
  /** Whether those of failing endpoints or those of all others; both when absent. */
  readonly isFailing?: boolean
}

export async function claimDeliveries(deps: Deps, { atMost, ids, isFailing }: Which): Promise<Claimed[]> {
  const parameters = [new Date(deps.now()).toISOString(), BACK_OFF_SECONDS, ids ?? null, atMost, isFailing ?? null]
  return ((await deps.sql.query(CLAIM, parameters)) as Row[]).map(claimedFrom)
}

function claimedFrom(row: Row) {
  return {
    id: row.id,
    organizationId: row.organization_id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    type: row.type,
    body: row.body,
    /** This one included. */
    attempts: row.attempts,
    url: row.url,
    isActive: row.is_active,
    /** Sealed; the current one first. */
    secrets: [row.secret, row.previous_secret].flatMap((hex) => (hex === null ? [] : [hexToBytes(hex)])),
  }
}
