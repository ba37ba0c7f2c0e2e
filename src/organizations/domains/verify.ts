import { sql } from 'drizzle-orm'
import type { UserPrincipal } from '../../auth/principal.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { lockOrganizations } from '../../db/locks.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { lookUpTexts } from './dns.ts'
import { challengeName, challengeValue, getDomain, isProven } from './domain.ts'
import { lapse } from './lapse.ts'
import { domainActed, mayChange } from './manage.ts'
import { type DomainRef, type DomainRow, findHolder, isAsChecked, isFree, updateDomain } from './queries.ts'

/**
 * Looks for a domain's record in the DNS. A domain that another organization has verified changes hands if that organization's
 * record is gone: whoever controls the DNS now decides. Idempotent.
 *
 * @throws Problem `domain_not_found`, `domain_not_verified`, `domain_taken`, `dns_unavailable`, `rate_limited`
 */
export async function verifyDomain(deps: ManagementDeps, user: UserPrincipal, ref: DomainRef): Promise<DomainRow> {
  await enforceRateLimits(deps, { domain_verify_organization: { account: ref.organizationId } })
  const row = await getDomain(deps, ref)
  const texts = await lookUpTexts(deps, challengeName(row.domain))
  const checkedAt = new Date(deps.now())
  if (!isProven(row, texts)) throw notFound(row, texts)
  const proven: Proven = { verifiedAt: row.verifiedAt ?? checkedAt, checkedAt, missed: 0 }
  if (row.verifiedAt) await updateDomain(deps.db, ref, proven)
  else await takeOver(deps, user, { row, proven, texts })
  return { ...row, ...proven }
}

type Proven = Pick<DomainRow, 'verifiedAt' | 'missed'> & { readonly checkedAt: Date }

interface Taken {
  readonly row: DomainRow
  readonly proven: Proven
  readonly texts: readonly string[]
}

/** Assigns a domain to an organization, and takes it from a holder whose record is gone. @throws Problem `domain_taken` */
async function takeOver(deps: ManagementDeps, user: UserPrincipal, taken: Taken): Promise<void> {
  await retryUntilDone(
    async () => {
      const holder = await findHolder(deps.db, taken.row.domain)
      if (holder?.id === taken.row.id) return true // another request was faster
      if (holder && isProven(holder, taken.texts)) throw new Problem('domain_taken')
      return (await tryTake(deps, user, { ...taken, holder })) || undefined
    },
    { subject: 'The domain' },
  )
}

interface Take extends Taken {
  /** The other organization's verified domain, whose record is gone; undefined if there is none. */
  readonly holder: DomainRow | undefined
}

/** @returns false if the holder changed since it was read */
async function tryTake(deps: ManagementDeps, user: UserPrincipal, { row, proven, holder }: Take): Promise<boolean> {
  const { db } = deps
  const { domain } = row
  const lapsed = holder && (await lapse(deps, holder, proven.checkedAt))
  try {
    const done = await tryBatch(db, {
      locks: lockOrganizations(
        db,
        sql`values (${row.organizationId}::uuid), (${(holder ?? row).organizationId}::uuid)`,
      ),
      ...mayChange(deps, user, row),
      unchanged: requireThat(db, holder ? isAsChecked(holder) : isFree(domain)),
      audit: domainActed(deps, user, row, { action: 'domain.verified', detail: { domain } }),
      effects: [...(lapsed?.effects ?? []), updateDomain(db, row, proven)],
    })
    if (done) lapsed?.send()
    return done !== undefined
  } catch (error) {
    if (brokenConstraint(error) !== 'organization_domains_verified_unique') throw error
    throw new Problem('domain_taken') // another organization was faster
  }
}

function notFound({ domain, token }: DomainRow, texts: readonly string[]): Problem {
  const [name, value] = [challengeName(domain), challengeValue(token)]
  const found = texts.length === 0 ? 'It has no TXT record yet.' : 'It has other TXT records.'
  return new Problem('domain_not_verified', {
    detail: `The DNS does not have the TXT record ${value} at ${name}. ${found} A new record can takeOver minutes to appear.`,
  })
}
