/**
 * What Postgres knows of the calendar limits of a key: where Redis was lost, their counters start with it.
 *
 * Roll-ups have what a key used by hour, and what a subject used of all keys of its organization by day. So the seed of a
 * subject's limit may be too high, never too low. What no roll-up has starts over: custom meters of a subject, its hours, requests
 * that name no subject, and units that a request took of a limit of requests by its name.
 */
import { toSlug } from '../db/schema/meter-names.ts'
import type { NamedLimit } from '../db/schema/shapes.ts'
import type { Deps } from '../deps.ts'
import { toCalendarSpan } from '../lib/calendar.ts'
import type { CounterRequest } from './counter.ts'
import { buildCounter, type LimitScope, readMeter } from './key-limits.ts'
import { toUnits } from './meter-units.ts'
import { toScaledUnits } from './quantities.ts'

type KeySeed = Required<Pick<CounterRequest, 'seed' | 'snapshot'>> & Pick<CounterRequest, 'isFirst'>

/** By the keys of the counters. */
export type KeySeeds = ReadonlyMap<string, KeySeed>

const SUMS = `sum(u.requests) as requests, sum(u.api_calls) as api_calls, sum(u.queries) as queries,
  sum(u.input_tokens) as input_tokens, sum(u.output_tokens) as output_tokens, sum(u.charge_usd) as cost_usd`

/**
 * $1: the organization. $2: the lineage. $3: the subject or null. $4: JSON of the limits. One row for each limit, and one
 * snapshot for all of them.
 */
const SELECT = `
with lineage as materialized (
  select k.id from api_keys k where k.organization_id = $1::uuid and (k.id = $2::uuid or k.lineage_id = $2::uuid)
), asked as (
  select * from jsonb_to_recordset($4::jsonb) as asked(place int, starts timestamptz, ends timestamptz, slug text, per text, days boolean)
)
select asked.place, pg_current_snapshot()::text as snapshot, coalesce(custom.amount, 0) as amount,
  not exists (select 1 from api_key_usage used join lineage on lineage.id = used.key_id) as is_first,
  used.requests, used.api_calls, used.queries, used.input_tokens, used.output_tokens, used.cost_usd::text as cost_usd
from asked
left join lateral (
  select ${SUMS} from usage_slices u where asked.per is null and asked.slug is null and u.organization_id = $1::uuid
    and u.dimension = 'key' and u.value in (select id::text from lineage) and u.hour >= asked.starts and u.hour < asked.ends
  union all
  select ${SUMS} from usage_subject_days u where asked.per is not null and asked.days and asked.slug is null
    and u.organization_id = $1::uuid and u.subject = $3 and u.day >= (asked.starts at time zone 'UTC')::date
    and u.day < (asked.ends at time zone 'UTC')::date
) used on (used.requests is not null)
left join lateral (
  select sum(u.amount) as amount from usage_meter_hourly u where asked.per is null and asked.slug is not null
    and u.organization_id = $1::uuid and u.meter = asked.slug and u.key_id in (select id from lineage)
    and u.hour >= asked.starts and u.hour < asked.ends
) custom on true`

type Amounts = Readonly<
  Record<'requests' | 'api_calls' | 'queries' | 'input_tokens' | 'output_tokens' | 'cost_usd', string | null>
>

interface Row extends Amounts {
  readonly place: number
  readonly snapshot: string
  readonly is_first: boolean
  readonly amount: string
}

interface Asked extends LimitScope {
  readonly organizationId: string
  /** All limits of the key; those without a calendar period have no seeds. */
  readonly limits: readonly NamedLimit[]
  /** Unix milliseconds. */
  readonly now: number
}

/**
 * Reads the seeds of all calendar limits of a key, for one subject, with one query.
 *
 * @throws Problem `unavailable` when the database does not answer
 */
export async function loadKeySeeds(deps: Deps, { organizationId, limits, now, ...scope }: Asked): Promise<KeySeeds> {
  const calendar = limits.filter(({ period }) => period !== undefined)
  const asked = calendar.map((limit, place) => describe(limit, place, now))
  const { lineageId, subject = null } = scope
  const rows = (await deps.sql.query(SELECT, [organizationId, lineageId, subject, JSON.stringify(asked)])) as Row[]
  return new Map(
    rows.map((row) => {
      const limit = calendar[row.place] as NamedLimit
      const seed = {
        seed: readUnits(limit, row),
        snapshot: row.snapshot,
        ...(row.is_first && { isFirst: true as const }),
      }
      return [buildCounter(limit, scope, now).key, seed] as const
    }),
  )
}

function describe({ period = 'hour', meter, scale, per }: NamedLimit, place: number, now: number) {
  const { start, end } = toCalendarSpan(period, now)
  const slug = scale === undefined ? null : toSlug(meter ?? '')
  const [starts, ends] = [new Date(start).toISOString(), new Date(end).toISOString()]
  return { place, starts, ends, slug, per, days: period !== 'hour' }
}

/** What was used, in the limit's whole units. */
function readUnits(limit: NamedLimit, row: Row): number {
  if (limit.scale !== undefined) return toScaledUnits(Number(row.amount), limit.scale)
  const meter = readMeter(limit)
  if (meter === 'requests') return countRequests(row) * limit.cost
  if (meter === 'cost_usd') return toUnits(meter, row.cost_usd ?? '0')
  if (meter === 'tokens') return Number(row.input_tokens) + Number(row.output_tokens)
  return Number(row[meter as keyof Amounts])
}

/**
 * At least the verifications that took units: each was a request and had a cost, while requests that were refused had none.
 */
const countRequests = ({ requests, api_calls }: Amounts) => Math.min(Number(requests), Number(api_calls))
