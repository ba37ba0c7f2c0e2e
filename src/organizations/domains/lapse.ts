import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { systemDeps } from '../../db/system-deps.ts'
import type { Deps, ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { noticesToOwners } from '../notice.ts'
import { findName } from '../queries.ts'
import { lookUpTexts } from './dns.ts'
import { challengeName, isProven } from './domain.ts'
import { domainActed } from './manage.ts'
import { type DomainRow, isAsChecked, selectDue, updateDomain } from './queries.ts'

const DAY_MS = 24 * 3_600_000
/** How long a record that was found is not checked again. A missing one is checked again the next day. */
export const FOUND_MS = 7 * DAY_MS
export const MISSED_MS = DAY_MS
/** A record that is missing this many times in a row counts as removed. A single miss could be a mistake in the zone. */
const MAX_MISSED = 3
/** Domains per hourly run: 1,200 a day, so 8,400 a week. */
export const BATCH = 50
const AT_ONCE = 5

type Outcome = 'found' | 'missed' | 'lapsed' | 'unknown'

/** Job: checks the records of verified domains again. A domain whose record is gone no longer lets anybody join. */
export async function checkDomains(plain: Deps) {
  const deps = systemDeps(plain)
  const now = deps.now()
  const due = await selectDue(deps.db, { found: new Date(now - FOUND_MS), missed: new Date(now - MISSED_MS) }, BATCH)
  const counts: Record<Outcome, number> = { found: 0, missed: 0, lapsed: 0, unknown: 0 }
  for (let from = 0; from < due.length; from += AT_ONCE)
    for (const outcome of await Promise.all(due.slice(from, from + AT_ONCE).map((row) => check(deps, row))))
      counts[outcome] += 1
  return counts
}

/** If the DNS lookup fails, the next run retries it. */
async function check(deps: ManagementDeps, row: DomainRow): Promise<Outcome> {
  try {
    const texts = await lookUpTexts(deps, challengeName(row.domain))
    return await note(deps, row, isProven(row, texts))
  } catch (error) {
    log('warn', 'domain_not_checked', { domain_id: row.id, ...errorFields(error) })
    return 'unknown'
  }
}

async function note(deps: ManagementDeps, row: DomainRow, isThere: boolean): Promise<Outcome> {
  const checkedAt = new Date(deps.now())
  const missed = isThere ? 0 : row.missed + 1
  const lapsed = missed < MAX_MISSED ? undefined : await lapse(deps, row, checkedAt)
  const done = await tryBatch(deps.db, {
    lock: lockOrganization(deps.db, row.organizationId),
    unchanged: requireThat(deps.db, isAsChecked(row)),
    effects: lapsed?.effects ?? [updateDomain(deps.db, row, { checkedAt, missed })],
  })
  if (!done) return 'unknown' // another check ran meanwhile
  lapsed?.send()
  if (lapsed) return 'lapsed'
  return isThere ? 'found' : 'missed'
}

/** Ends a verification whose record is gone, and notifies the owners: run `effects` in a batch, then call `send`. */
export async function lapse(deps: ManagementDeps, row: DomainRow, checkedAt: Date) {
  const { domain, organizationId } = row
  const organization = (await findName(deps.db, organizationId)) ?? ''
  const mails = await noticesToOwners(deps, organizationId, 'domain_lapsed', { organization, domain })
  return {
    effects: [
      updateDomain(deps.db, row, { verifiedAt: null, checkedAt, missed: 0 }),
      domainActed(deps, undefined, row, { action: 'domain.lapsed', detail: { domain } }),
      ...mails.map((mail) => mail.insert),
    ],
    send: () => mails.forEach((mail) => mail.send()),
  }
}
