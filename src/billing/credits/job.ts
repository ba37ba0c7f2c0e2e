import { sql } from 'drizzle-orm'
import { problemIn } from '../../db/client.ts'
import { ormOver } from '../../db/orm.ts'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { notifySpendCaps } from '../spend-cap/notify.ts'
import { notifyCredits } from './notify.ts'
import { MISSING_CREDITS } from './renew.ts'
import { selectCharged } from './select-charged.ts'
import { settleAll } from './settle.ts'

const MINUTE_MS = 60_000
/** How far back a run looks for changed usage; once an hour, a run looks at everything. */
const LOOK_BACK_MS = 10 * MINUTE_MS
const FULL_LOOK_MINUTE = 11
const DAY_MS = 24 * 60 * MINUTE_MS
/** Longer than any usage period. */
const PERIOD_MS = 32 * DAY_MS
/** Organizations that one batch locks, and the maximum of a run. */
const BATCH_ORGANIZATIONS = 100
export const MAX_ORGANIZATIONS = 2_000

/**
 * The credits job: pays the charges since the last run, expires grants, grants credits that plans include, and notifies
 * endpoints of these changes and of reached spend caps. Crashed or concurrent runs spend nothing twice.
 *
 * @param at when the run was due, in Unix milliseconds
 */
export async function runCredits(deps: Deps, at: number) {
  const due = await selectDue(deps, at)
  let [changed, failed] = [0, 0]
  for (let from = 0; from < due.length; from += BATCH_ORGANIZATIONS) {
    const part = due.slice(from, from + BATCH_ORGANIZATIONS)
    const result = await settleSome(deps, part)
    changed += result.changed
    failed += result.failed
  }
  const told = await notifyCredits(deps, at)
  return { settled: due.length - failed, failed, changed, told, caps: await notifySpendCaps(deps) }
}

/**
 * Settles a batch. If it fails, retries each half separately, so that bad data of one organization does not stop the
 * others.
 *
 * @throws Problem if the database does not answer: then no other batch would succeed
 */
async function settleSome(deps: Deps, ids: readonly string[]): Promise<{ changed: number; failed: number }> {
  try {
    const changed = await settleAll(deps, sql`select unnest(string_to_array(${ids.join(',')}, ',')::uuid[])`)
    return { changed, failed: 0 }
  } catch (error) {
    if (problemIn(error)) throw error
    if (ids.length === 1) {
      log('error', 'credits_not_settled', { organization_id: ids[0], ...errorFields(error) })
      return { changed: 0, failed: 1 }
    }
    const middle = Math.ceil(ids.length / 2)
    const [one, other] = [await settleSome(deps, ids.slice(0, middle)), await settleSome(deps, ids.slice(middle))]
    return { changed: one.changed + other.changed, failed: one.failed + other.failed }
  }
}

/** In random order: organizations whose credits always fail must not block the others. */
async function selectDue(deps: Deps, at: number): Promise<string[]> {
  const isFull = Math.floor(at / MINUTE_MS) % 60 === FULL_LOOK_MINUTE
  const now = sql`${new Date(at).toISOString()}::timestamptz`
  const since = sql`${new Date(at - (isFull ? PERIOD_MS : LOOK_BACK_MS)).toISOString()}::timestamptz`
  const { rows } = await ormOver(deps.sql).execute<{ id: string }>(sql`
    select id from (
      select a.organization_id as id from credit_accounts a
      where a.last_granted > 0 and exists (select from usage_periods u where u.organization_id = a.organization_id and u.updated_at > ${since})
        and ${selectCharged(sql`a.organization_id`)} - a.charged_before <> a.burned
      union select g.organization_id from credit_grants g where g.remaining > 0 and g.expires_at <= ${now}
      union select o.id from plans p join organizations o on o.plan_id = p.id
        cross join lateral (select usage_period_start(o.period_anchor, ${now}) as starts) period
        where p.included_credits_usd > 0 and not o.is_platform and ${MISSING_CREDITS} > 0
    ) due order by random() limit ${MAX_ORGANIZATIONS}::int`)
  return rows.map(({ id }) => id)
}
