import { ormOver } from '../../src/db/orm.ts'
import { forgetSubject, queueSubjectErasure } from '../../src/db/usage-erasure.ts'
import type { Restore } from './carry-rows.ts'

const PAGE_SUBJECTS = 5_000

/** When subjects were last erased, by organization. The audit log does not name the subjects: that would keep them. */
const ERASED = `select organization_id, max(created_at)::text as at from audit_logs
where created_at >= $1 and result = 'success' and action = 'usage.subject_erased' group by 1`

/** Subjects with their first day here. Sums only grow, so if a subject was not erased, the former database has as much of it. */
const FIRST_DAYS = `select distinct on (subject) subject, day::text as day, requests from usage_subject_days
where organization_id = $1 and subject > $2 and day <= $3::timestamptz::date order by subject, day limit ${PAGE_SUBJECTS}`
const LESS = `select r.subject from jsonb_to_recordset($2::jsonb) as r(subject text, day date, requests bigint)
where not exists (select from usage_subject_days t
  where t.organization_id = $1 and t.subject = r.subject and t.day = r.day and t.requests >= r.requests)`

/** Repeats the erasures since the moment. Must run before usage is carried over. @returns how many subjects */
export async function eraseSubjects({ former, restored, since }: Restore): Promise<number> {
  const db = ormOver(restored)
  let erased = 0
  for (const { organization_id: organizationId, at } of await former.query(ERASED, [since])) {
    for (let last = ''; ; ) {
      const known = await restored.query(FIRST_DAYS, [organizationId, last, at])
      if (known.length === 0) break
      last = String(known.at(-1)?.subject)
      for (const { subject } of await former.query(LESS, [organizationId, JSON.stringify(known)])) {
        const one = { organizationId: String(organizationId), subject: String(subject) }
        await queueSubjectErasure(db, one, new Date(at))
        await forgetSubject(db, one)
        erased++
      }
    }
  }
  return erased
}
