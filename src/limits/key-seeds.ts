/**
 * What Postgres knows of the calendar limits of a key and its organization: where Redis was lost, their counters start with it.
 *
 * Roll-ups have what a key and an organization used by hour, and what a subject used of all keys of its organization by day. So
 * the seed of a subject's limit of one key may be too high, never too low. What names no subject is the rest of the organization's
 * use, and at most the key's. What no roll-up has starts over: the hours of a subject, and units that a request took of a limit of
 * requests by its name.
 */
import { toSlug } from '../db/schema/meter-names.ts'
import type { Deps } from '../deps.ts'
import { toCalendarSpan } from '../lib/calendar.ts'
import type { CounterRequest } from './counter.ts'
import { buildCounter, type LimitScope, type OwnedLimit, readMeter } from './key-limits.ts'
import { toScaledUnits } from './meters/quantities.ts'
import { toUnits } from './meters/units.ts'

type KeySeed = Required<Pick<CounterRequest, 'seed' | 'snapshot'>> & Pick<CounterRequest, 'isFirst'>

/** By the keys of the counters. */
export type KeySeeds = ReadonlyMap<string, KeySeed>

/** The sums of a row, by column of the roll-ups. */
const COLUMNS = {
  requests: 'requests',
  api_calls: 'api_calls',
  queries: 'queries',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
  cost_usd: 'charge_usd',
}
const list = (toSql: (name: string, column: string) => string) =>
  Object.entries(COLUMNS)
    .map(([name, column]) => `${toSql(name, column)} as ${name}`)
    .join(', ')
const SUMS = list((_, column) => `sum(u.${column})`)
const ALL_SUMS = list((_, column) => `coalesce(sum(u.${column}), 0)`)

const OF_KEY = `usage_slices u where u.organization_id = $1::uuid and u.dimension = 'key'
    and u.value in (select id::text from lineage) and u.hour >= asked.starts and u.hour < asked.ends`
const OF_ALL = `usage_totals u where u.organization_id = $1::uuid and u.hour >= asked.starts and u.hour < asked.ends`
const IN_DAYS = `u.organization_id = $1::uuid and u.day >= (asked.starts at time zone 'UTC')::date
    and u.day < (asked.ends at time zone 'UTC')::date`
const OF_METER = `usage_meter_hourly u where u.organization_id = $1::uuid and u.meter = asked.slug
    and u.hour >= asked.starts and u.hour < asked.ends`

/** What is left of all use without the named, and at most what the key used. */
const rest = (name: string) =>
  `greatest(0, least(every.${name} - named.${name}, case when asked.of_all then every.${name} else own.${name} end))`

/**
 * $1: the organization. $2: the lineage or null. $3: the subject or null. $4: JSON of the limits. One row for each limit, and one
 * snapshot for all of them.
 */
const SELECT = `
with lineage as materialized (
  select k.id from api_keys k where k.organization_id = $1::uuid and (k.id = $2::uuid or k.lineage_id = $2::uuid)
), asked as (
  select * from jsonb_to_recordset($4::jsonb) as asked(place int, starts timestamptz, ends timestamptz, slug text, per text, days boolean, of_all boolean)
)
select asked.place, pg_current_snapshot()::text as snapshot, coalesce(custom.amount, 0) as amount,
  case when asked.of_all then not exists (select 1 from usage_periods u where u.organization_id = $1::uuid)
    else not exists (select 1 from api_key_usage used join lineage on lineage.id = used.key_id) end as is_first,
  used.requests, used.api_calls, used.queries, used.input_tokens, used.output_tokens, used.cost_usd::text as cost_usd
from asked
left join lateral (
  select ${SUMS} from ${OF_KEY} and asked.per is null and not asked.of_all and asked.slug is null
  union all
  select ${SUMS} from ${OF_ALL} and asked.per is null and asked.of_all and asked.slug is null
  union all
  select ${SUMS} from usage_subject_days u where ${IN_DAYS} and u.subject = $3 and asked.per is not null and asked.days and asked.slug is null
  union all
  select ${list(rest)} from (select ${ALL_SUMS} from ${OF_ALL}) every, (select ${ALL_SUMS} from usage_subject_days u where ${IN_DAYS}) named,
    (select ${ALL_SUMS} from ${OF_KEY}) own
  where asked.per is not null and asked.days and asked.slug is null and $3::text is null
) used on (used.requests is not null)
left join lateral (
  select sum(u.amount) as amount from ${OF_METER} and asked.per is null and asked.slug is not null
    and (asked.of_all or u.key_id in (select id from lineage))
  union all
  select sum(u.amount) from usage_meter_subject_days u where ${IN_DAYS} and u.subject = $3 and u.meter = asked.slug
    and asked.per is not null and asked.days and asked.slug is not null
  union all
  select ${rest('amount')} from (select coalesce(sum(u.amount), 0) as amount from ${OF_METER}) every,
    (select coalesce(sum(u.amount), 0) as amount from usage_meter_subject_days u where ${IN_DAYS} and u.meter = asked.slug) named,
    (select coalesce(sum(u.amount), 0) as amount from ${OF_METER} and u.key_id in (select id from lineage)) own
  where asked.per is not null and asked.days and asked.slug is not null and $3::text is null
) custom on (custom.amount is not null)`

type Amounts = Readonly<
  Record<'requests' | 'api_calls' | 'queries' | 'input_tokens' | 'output_tokens' | 'cost_usd', string | null>
>

interface Row extends Amounts {
  readonly place: number
  readonly snapshot: string
  readonly is_first: boolean
  readonly amount: string
}

/** The snapshot of a seed that is no sum: it includes no transaction, so that use which waits for it still counts. */
const OF_NOTHING = '0:0:'

interface SeedScope extends LimitScope {
  /** All limits of the key and its organization; those without a calendar period have no seeds. */
  readonly limits: readonly OwnedLimit[]
  /** Unix milliseconds. */
  readonly now: number
}

/**
 * Reads the seeds of all calendar limits of a key and its organization, for one subject, with one query.
 *
 * @throws Problem `unavailable` when the database does not respond
 */
export async function loadKeySeeds(deps: Deps, { limits, now, ...scope }: SeedScope): Promise<KeySeeds> {
  const calendar = limits.filter(({ period }) => period !== undefined)
  const asked = calendar.map((limit, place) => describe(limit, place, now))
  const { organizationId, lineageId = null, subject } = scope
  const rows = (await deps.sql.query(SELECT, [
    organizationId,
    lineageId,
    subject || null,
    JSON.stringify(asked),
  ])) as Row[]
  return new Map(
    rows.map((row) => {
      const limit = calendar[row.place] as OwnedLimit
      const seed = {
        seed: readUnits(limit, row),
        snapshot: limit.per !== undefined && limit.period === 'hour' ? OF_NOTHING : row.snapshot,
        ...(row.is_first && { isFirst: true as const }),
      }
      return [buildCounter(limit, scope, now).key, seed] as const
    }),
  )
}

function describe({ period = 'hour', meter, scale, per, of }: OwnedLimit, place: number, now: number) {
  const { start, end } = toCalendarSpan(period, now)
  const slug = scale === undefined ? null : toSlug(meter ?? '')
  const [starts, ends] = [new Date(start).toISOString(), new Date(end).toISOString()]
  return { place, starts, ends, slug, per, days: period !== 'hour', of_all: of !== undefined }
}

/** What was used, in the limit's whole units. */
function readUnits(limit: OwnedLimit, row: Row): number {
  if (limit.scale !== undefined) return toScaledUnits(Number(row.amount), limit.scale)
  const meter = readMeter(limit)
  if (meter === 'requests') return countRequests(row) * limit.cost
  if (meter === 'cost_usd') return toUnits(meter, row.cost_usd ?? '0')
  if (meter === 'tokens') return Number(row.input_tokens) + Number(row.output_tokens)
  return Number(row[meter as keyof Amounts])
}

/**
 * A lower bound of the verifications that took units: each was a request with a cost, while refused requests had no cost.
 */
const countRequests = ({ requests, api_calls }: Amounts) => Math.min(Number(requests), Number(api_calls))
