import { ormOver } from '../db/orm.ts'
import { forgetSubject } from '../db/usage-erasure.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/** For this long, the spool and isolates that cached a key may still write events of a deleted organization or erased subject. */
export const SETTLED_MS = 3_600_000
/** Events per statement: well within its timeout, even on the smallest database. */
const BATCH_ROWS = 5_000
/** After this time, a run leaves the rest to the next one, which begins with the erasures that waited longest. */
export const TIME_BUDGET_MS = 15_000

interface Erasure {
  readonly organizationId: string
  /** Empty for all events of the organization. */
  readonly subject: string
  /** As text. A new request has another time and starts from the beginning. */
  readonly since: string
  /** The last event that was erased, as text, because a Date would lose the microseconds. */
  readonly doneTime: string
  readonly doneId: string
}

/**
 * Erases personal data from the raw events of organizations that were deleted, and of subjects that were erased, at
 * least an hour ago, in batches small enough for the statement timeout. The erasures take turns, one batch each, so
 * that a large one does not hold up the others, and a run begins with those that waited longest. Each batch stores its
 * position, so any run resumes there, and two concurrent runs do nothing twice. An erasure that fails does not stop the
 * others; the next run retries it.
 */
export async function eraseFromUsage(deps: Deps, at: number) {
  const end = deps.now() + TIME_BUDGET_MS
  const waiting = await listErasures(deps, at)
  let [turn, events, organizations] = [waiting, 0, 0]
  while (turn.length > 0) {
    const next: Erasure[] = []
    for (const erasure of turn) {
      if (deps.now() >= end) return { organizations, events, left: waiting.length - organizations }
      const { erased, left, isDone } = await eraseNext(deps, erasure)
      events += erased
      if (isDone) organizations++
      if (left) next.push(left)
    }
    turn = next
  }
  return { organizations, events, left: waiting.length - organizations }
}

/** @returns `left`: the rest of the erasure for this run, undefined if it is done or failed */
async function eraseNext(deps: Deps, erasure: Erasure) {
  try {
    const { next, erased } = await eraseBatch(deps, erasure)
    return { erased, left: next, isDone: !next }
  } catch (error) {
    log('error', 'usage_not_erased', { organization_id: erasure.organizationId, ...errorFields(error) })
    await deps.sql.query(WORKED, [erasure.organizationId, erasure.subject, erasure.since]).catch(() => undefined)
    return { erased: 0, left: undefined, isDone: false }
  }
}

async function listErasures({ sql }: Deps, at: number): Promise<Erasure[]> {
  const rows = await sql.query(
    `select organization_id, subject, deleted_at::text as since, coalesce(done_time, '-infinity')::text as done_time, coalesce(done_id, '') as done_id
     from usage_erasures where deleted_at <= $1 order by worked_at nulls first, deleted_at limit 100`,
    [new Date(at - SETTLED_MS).toISOString()],
  )
  return rows.map((row) => ({
    organizationId: row.organization_id,
    subject: row.subject,
    since: row.since,
    doneTime: row.done_time,
    doneId: row.done_id,
  }))
}

/** One key range. The pair is for the index; the time alone lets Postgres skip the other partitions. */
const IN_RANGE = `organization_id = $1 and occurred_at >= $2::timestamptz and occurred_at <= $4::timestamptz
  and (occurred_at, id) > ($2::timestamptz, $3) and (occurred_at, id) <= ($4::timestamptz, $5)`

/**
 * Corrections contain the subject that the event was reported for, and the changes to each subject's limits. Of the changes, keep
 * only what identifies the latest one, and since when it counts.
 */
const forgetIn = (isErased: string) => `correction = correction || jsonb_build_object(
    'original', case when ${isErased} then correction -> 'original' || '{"subject":""}' else correction -> 'original' end,
    'counts', jsonb_build_array(jsonb_build_object('claim', correction #> '{counts,0,claim}', 'to', jsonb_build_object(
      'key_since', correction #> '{counts,0,to,key_since}', 'subject_since', correction #> '{counts,0,to,subject_since}'))))`
const names = (subject: string, parameters = `'{}'`) =>
  `jsonb_path_exists(correction, '$.**.subject ? (@ ${subject})', ${parameters})`
const ANYBODY = 'like_regex "^." flag "s"'

const ERASE = `update usage_events set user_id = null, ip = null, user_agent = null,
    subject = case when subject is not null then '' end, ${forgetIn(`correction #>> '{original,subject}' is not null`)}
  where ${IN_RANGE} and (user_id is not null or ip is not null or user_agent is not null or subject <> '' or ${names(ANYBODY)})`

/**
 * Also erases what an operator reported about the subject if the event was later corrected to another subject. `user_id` stays:
 * it is the operator's customer. An empty subject means erased.
 */
const ERASE_SUBJECT = `update usage_events set subject = case when subject = $6 then '' else subject end,
    ip = null, user_agent = null, metadata = null, ${forgetIn(`correction #>> '{original,subject}' = $6`)}
  where ${IN_RANGE} and (subject = $6 or ${names('== $subject', `jsonb_build_object('subject', $6::text)`)})`

/** @returns where to continue; nothing if this was the last batch */
async function eraseBatch({ sql }: Deps, from: Erasure): Promise<{ next: Erasure | undefined; erased: number }> {
  const { organizationId, subject, since, doneTime, doneId } = from
  const to = await selectLast({ sql }, from)
  const range = [organizationId, doneTime, doneId, to.doneTime, to.doneId]
  const self = [organizationId, subject, since]
  if (to.isEnd) await forgetSubject(ormOver(sql), from) // for events that were still in transit
  const [erased] = await sql.transaction(
    [
      subject ? sql.query(ERASE_SUBJECT, [...range, subject]) : sql.query(ERASE, range),
      to.isEnd ? sql.query(END, self) : sql.query(PROCEED, [...self, to.doneTime, to.doneId]),
    ],
    { fullResults: true },
  )
  return { next: to.isEnd ? undefined : to, erased: erased?.rowCount ?? 0 }
}

const SELF = 'organization_id = $1 and subject = $2 and deleted_at = $3::timestamptz'
const END = `delete from usage_erasures where ${SELF}`
const WORKED = `update usage_erasures set worked_at = clock_timestamp() where ${SELF}`
const PROCEED = `update usage_erasures set done_time = $4::timestamptz, done_id = $5, worked_at = clock_timestamp()
  where ${SELF} and (done_time is null or (done_time, done_id) < ($4::timestamptz, $5))`

async function selectLast({ sql }: Pick<Deps, 'sql'>, erasure: Erasure) {
  const { organizationId, doneTime, doneId } = erasure
  const [row] = await sql.query(
    `select occurred_at::text as done_time, id as done_id from usage_events
     where organization_id = $1 and occurred_at >= $2::timestamptz and (occurred_at, id) > ($2::timestamptz, $3)
     order by occurred_at, id offset $4 limit 1`,
    [organizationId, doneTime, doneId, BATCH_ROWS - 1],
  )
  return row
    ? { ...erasure, doneTime: row.done_time as string, doneId: row.done_id as string, isEnd: false }
    : { ...erasure, doneTime: 'infinity', doneId: '', isEnd: true }
}
