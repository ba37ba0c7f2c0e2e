import type { Sql } from '../../src/db/client.ts'
import type { Deps } from '../../src/deps.ts'
import { SOURCE as GATEWAY } from '../../src/gateway/held-event.ts'
import { CORRECTION_HASH } from '../../src/metering/claim-ids.ts'
import { type UsageEvent, VERIFICATION } from '../../src/metering/event.ts'
import { writeUsage } from '../../src/metering/write.ts'
import { SOURCE as REPORT } from '../../src/usage/reporting/read-item.ts'
import type { Restore } from './carry-rows.ts'

const PAGE_ROWS = 500
/** Ids are short, and a generation contains those of twelve days: small pages would take two requests per few of millions. */
const PAGE_IDS = 10_000
/** The maximum delay of a reported event, and a day: older raw events cannot have arrived since the moment. */
const MAX_LATE = `interval '36 days'`

/** The sources under which ids are stored (metering/event.ts). */
const SOURCES = [VERIFICATION, REPORT, GATEWAY]

/**
 * Raw events that arrived since the moment, as they were sent; with the source whose id is known. The id of a
 * verification is in no other table: its trace of the verdict shows that it is one.
 */
const READ = `
select to_jsonb(e) - '{ingested_at,correction,charge_usd,markup_percent}'::text[] || jsonb_build_object(
    'cost_usd', e.cost_usd::text, 'price_per_call_usd', e.price_per_call_usd::text, 'completes', e.trace->>'completes',
    'request_id', e.trace->>'request', 'payload_hash', encode(d.payload_hash, 'hex'),
    'source', coalesce(d.source, case when e.trace->>'plan' is not null then '${VERIFICATION}' end)) as event
from usage_events e
left join lateral (
  select d.payload_hash, s.source
  from (values ${SOURCES.map((source) => `('${source}')`).join(', ')}, (null)) s(source)
  join usage_dedupe d on d.organization_id = e.organization_id and d.occurred_at = e.occurred_at
    and d.key = sha256(convert_to(coalesce(s.source || ' ', '') || e.id, 'UTF8')) limit 1
) d on true
where e.ingested_at >= $1 and e.occurred_at >= $1::timestamptz - ${MAX_LATE}
  and ($2::timestamptz is null or (e.occurred_at, e.organization_id, e.id) > ($2, $3::uuid, $4))
order by e.occurred_at, e.organization_id, e.id limit ${PAGE_ROWS}`

/** Raw events of a page that the restored database already has: from the minutes before the moment, and from an earlier run. */
const KNOWN = `select item.place - 1 as place
from jsonb_array_elements($1::jsonb) with ordinality as item(body, place)
cross join lateral jsonb_to_record(item.body) as r(organization_id uuid, id text, occurred_at timestamptz)
join usage_events e on e.organization_id = r.organization_id and e.occurred_at = r.occurred_at and e.id = r.id`

/**
 * Ids of completed requests, and of events whose raw rows are gone: their repeats must be recognized. Claims of corrections
 * are left out like the corrections: a claim alone would make the repeated correction a duplicate.
 */
const DEDUPE = `select organization_id, encode(key, 'hex') as key, encode(payload_hash, 'hex') as payload_hash, occurred_at, generation
from usage_dedupe where generation >= usage_dedupe_generation($1) and payload_hash <> ${CORRECTION_HASH}
  and ($2::uuid is null or (organization_id, key, generation) > ($2, decode($3, 'hex'), $4))
order by organization_id, key, generation limit ${PAGE_IDS}`

const KEEP = `insert into usage_dedupe (organization_id, key, payload_hash, occurred_at, generation)
select organization_id, decode(key, 'hex'), decode(payload_hash, 'hex'), occurred_at, generation
from jsonb_to_recordset($1::jsonb) as r(organization_id uuid, key text, payload_hash text, occurred_at timestamptz, generation integer)
on conflict do nothing`

/**
 * Writes the usage that arrived since the moment, as the Worker does: each event counts once, in all sums.
 *
 * @returns how many events were missing
 */
export async function carryUsage(restore: Restore): Promise<number> {
  const { former, restored, since } = restore
  const deferred: Promise<unknown>[] = []
  const deps = { sql: restored, defer: (work: Promise<unknown>) => void deferred.push(work) } as unknown as Deps
  let accepted = 0
  let last: UsageEvent | undefined
  for (;;) {
    const after = last ? [last.occurred_at, last.organization_id, last.id] : [null, null, null]
    const events = (await former.query(READ, [since, ...after])).map(({ event }) => toEvent(event))
    if (events.length === 0) break
    last = events.at(-1)
    const missing = await findMissing(restored, events)
    if (missing.length > 0) accepted += (await writeUsage(deps, missing)).accepted
  }
  await Promise.all(deferred)
  await carryIds(restore)
  return accepted
}

/** Leaves out absent fields, as in events that the Worker writes. */
function toEvent(row: Readonly<Record<string, unknown>>): UsageEvent {
  const { trace, ...event } = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
  return { ...event, ...(event.completes === undefined && { trace }) } as unknown as UsageEvent
}

async function findMissing(restored: Sql, events: readonly UsageEvent[]): Promise<UsageEvent[]> {
  const asked = events.map(({ organization_id, id, occurred_at }) => ({ organization_id, id, occurred_at }))
  const rows = await restored.query(KNOWN, [JSON.stringify(asked)])
  const known = new Set(rows.map(({ place }) => Number(place)))
  return events.filter((_, place) => !known.has(place))
}

async function carryIds({ former, restored, since }: Restore): Promise<void> {
  let last: Readonly<Record<string, unknown>> | undefined
  for (;;) {
    const after = last ? [last.organization_id, last.key, last.generation] : [null, null, null]
    const rows = await former.query(DEDUPE, [since, ...after])
    if (rows.length === 0) return
    last = rows.at(-1)
    await restored.query(KEEP, [JSON.stringify(rows)])
  }
}
