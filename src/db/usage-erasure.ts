import { type SQL, sql } from 'drizzle-orm'
import type { Database } from './orm.ts'
import { COUNTER_COLUMNS } from './schema/meters.ts'

/**
 * Queues organizations for the job that erases personal data from their raw events (privacy/erase-usage.ts). There can
 * be millions of events, too many for a batch. It is a step of the batch that deletes the organizations, before the
 * deletion.
 *
 * @param organizations a list or query of ids, in parentheses
 */
export function anonymizeEvents(db: Database, organizations: SQL, at: Date) {
  return db.execute(sql`
    insert into usage_erasures (organization_id, deleted_at)
    select id, ${at.toISOString()}::timestamptz from organizations where id in ${organizations}
    on conflict do nothing`)
}

interface OfSubject {
  readonly organizationId: string
  readonly subject: string
}

/** Queues the raw events of a subject for the same job. Queued again, the job starts over: there may be new events. */
export function queueSubjectErasure(db: Database, { organizationId, subject }: OfSubject, at: Date) {
  return db.execute(sql`
    insert into usage_erasures (organization_id, subject, deleted_at)
    values (${organizationId}::uuid, ${subject}, ${at.toISOString()}::timestamptz)
    on conflict (organization_id, subject) do update set deleted_at = excluded.deleted_at, done_time = null, done_id = null`)
}

/** Adds the sums of a subject, or of all subjects if it is empty, to the sums of erased subjects. */
export function forgetSubject(db: Database, { organizationId, subject }: OfSubject) {
  return db.execute(sql`
    with gone as (
      delete from usage_subject_days where organization_id = ${organizationId}::uuid and subject <> ''
        and ${subject}::text in ('', subject) returning *
    ), gone_amounts as (
      delete from usage_meter_subject_days where organization_id = ${organizationId}::uuid and subject <> ''
        and ${subject}::text in ('', subject) returning *
    ), amounts as (
      insert into usage_meter_subject_days as known (organization_id, day, subject, meter, amount)
      select organization_id, day, '', meter, sum(amount) from gone_amounts group by 1, 2, 4 order by 2, 4
      on conflict (organization_id, day, subject, meter) do update set amount = known.amount + excluded.amount
    )
    insert into usage_subject_days as known (organization_id, day, subject, ${COLUMNS})
    select organization_id, day, '', ${SUMS} from gone group by 1, 2 order by 2
    on conflict (organization_id, day, subject) do update set ${ADDED}`)
}

const list = (toSql: (name: string) => string) =>
  sql.raw(['requests', 'errors', ...COUNTER_COLUMNS].map(toSql).join(', '))
const COLUMNS = list(String)
const SUMS = list((name) => `sum(${name})`)
const ADDED = list((name) => `${name} = known.${name} + excluded.${name}`)
