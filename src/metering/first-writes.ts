/**
 * When reported usage that is sent again was written first. The answer to that may have been lost, so that nobody has
 * counted it in limits yet.
 */
import type { Deps } from '../deps.ts'
import type { UsageEvent } from './event.ts'

interface FirstWrite {
  /** The transaction of Postgres. */
  readonly xid: number
  /** Of the event, in ISO 8601: a repeat without a time has another one. */
  readonly occurredAt: string
  /** How long ago it was written. */
  readonly ageMs: number
}

/**
 * $1: JSON of the events. The row of an id that was claimed is never changed, so its `xmin` is the transaction that wrote the
 * event; of that Postgres keeps the lower half.
 */
const SELECT = `
select asked.place, asked.next - (asked.next - claim.xmin::text::bigint) % 4294967296 as xid,
  extract(epoch from e.occurred_at)::float8 * 1000 as occurred_at, extract(epoch from now() - e.ingested_at)::float8 * 1000 as age_ms
from (
  select event.*, pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next
  from jsonb_to_recordset($1::jsonb) as event(place integer, organization_id uuid, key text, id text)
) as asked
cross join lateral (
  select d.xmin, d.occurred_at from usage_dedupe d
  where d.organization_id = asked.organization_id and d.key = sha256(convert_to(asked.key, 'UTF8'))
  order by d.generation limit 1
) as claim
join usage_events e
  on e.organization_id = asked.organization_id and e.occurred_at = claim.occurred_at and e.id = asked.id`

interface Row {
  readonly place: number
  readonly xid: string
  readonly occurred_at: number
  readonly age_ms: number
}

/**
 * @param places indexes of the events that are asked for
 * @returns by index; nothing of an event that is not kept any more
 * @throws Problem `unavailable` when the database does not answer
 */
export async function findFirstWrites(
  deps: Deps,
  events: readonly UsageEvent[],
  places: readonly number[],
): Promise<ReadonlyMap<number, FirstWrite>> {
  if (places.length === 0) return new Map()
  const asked = places.map((place) => {
    const { organization_id, source, id } = events[place] as UsageEvent
    return { place, organization_id, key: source ? `${source} ${id}` : id, id }
  })
  const rows = (await deps.sql.query(SELECT, [JSON.stringify(asked)])) as Row[]
  return new Map(
    rows.map(({ place, xid, occurred_at, age_ms }) => [
      place,
      { xid: Number(xid), occurredAt: new Date(occurred_at).toISOString(), ageMs: age_ms },
    ]),
  )
}
