import { sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import type { CreditSource } from '../../db/schema/credits.ts'

/** Credits to add. Amounts in decimal US dollars. */
export interface NewGrant {
  readonly id: string
  readonly ledgerId: string
  readonly organizationId: string
  readonly amount: string
  /** The part of the amount that the same batch takes back. It does not reduce what is owed. */
  readonly takes?: string | undefined
  readonly source: CreditSource
  readonly priority?: number
  readonly reason?: string | undefined
  /** ISO 8601; absent for never. */
  readonly expiresAt?: string | undefined
  readonly at: Date
}

/**
 * The statement that adds credits. An earlier statement of the batch must lock the organization. From its first grant on,
 * an organization uses credits; they do not pay for its earlier charges. What an earlier plan covered of those is overage
 * already, and counts as covered no more.
 *
 * @returns its new version
 */
export function addGrant(db: Database, grant: NewGrant) {
  const {
    id,
    ledgerId,
    organizationId,
    amount,
    source,
    takes = '0',
    priority = 0,
    reason = null,
    expiresAt = null,
  } = grant
  const at = sql`${grant.at.toISOString()}::timestamptz`
  const organization = sql`${organizationId}::uuid`
  return db.execute<{ id: string; version: number }>(sql`
    with account as (
      insert into credit_accounts as a (organization_id, charged_before, granted, last_granted, updated_at)
      values (${organization}, (select coalesce(sum(u.charge_usd), 0) from usage_periods u where u.organization_id = ${organization}),
        ${amount}::numeric, ${amount}::numeric, ${at})
      on conflict (organization_id) do update set charged_before = case when ${IS_UNUSED} then excluded.charged_before else a.charged_before end,
        began_at = case when ${IS_UNUSED} then excluded.began_at else a.began_at end, granted = a.granted + excluded.granted, last_granted = excluded.last_granted,
        owed = case when ${IS_UNUSED} then 0 else greatest(0, a.owed - (excluded.granted - ${takes}::numeric)) end, low_told_at = null, exhausted_told_at = null, updated_at = excluded.updated_at
    ), uncovered as (
      update usage_periods u set covered_usd = 0 from credit_accounts a
      where u.organization_id = ${organization} and a.organization_id = u.organization_id and u.covered_usd > 0 and ${IS_UNUSED}
    ), granted as (
      insert into credit_grants (id, organization_id, amount, remaining, source, priority, reason, expires_at, created_at)
      values (${id}::uuid, ${organization}, ${amount}::numeric, ${amount}::numeric, ${source}, ${priority}::int, ${reason}, ${expiresAt}::timestamptz, ${at})
    ), booked as (
      insert into credit_ledger (id, organization_id, grant_id, kind, amount, reason, created_at)
      values (${ledgerId}::uuid, ${organization}, ${id}::uuid, 'grant', ${amount}::numeric, ${reason}, ${at})
    )
    update organizations o set version = o.version + 1 where o.id = ${organization} returning o.id, o.version`)
}

/** Whether an account has never had credits and its plan owes it none: the organization was on a plan with some, and left before it got them. */
const IS_UNUSED =
  sql.raw(`a.last_granted = 0 and not exists (select from organizations o join plans p on p.id = o.plan_id
  where o.id = a.organization_id and p.included_credits_usd > 0)`)

/** A change of a grant's remainder, other than by spending. */
export interface GrantChange {
  readonly ledgerId: string
  readonly organizationId: string
  readonly grantId: string
  readonly kind: 'revoke' | 'correct' | 'refund'
  /** Signed decimal US dollars to add to the remainder. 0 writes no ledger row. */
  readonly amount: string
  readonly reason: string | null
  readonly at: Date
}

/**
 * The statement that changes a grant's remainder. An earlier statement of the batch must lock the organization.
 *
 * @returns the organization's new version
 */
export function changeGrant(db: Database, change: GrantChange) {
  const { ledgerId, organizationId, grantId, kind, amount, reason } = change
  const at = sql`${change.at.toISOString()}::timestamptz`
  const organization = sql`${organizationId}::uuid`
  return db.execute<{ id: string; version: number }>(sql`
    with found as materialized (
      select g.id, ${amount}::numeric as amount from credit_grants g
      where g.id = ${grantId}::uuid and g.organization_id = ${organization}
    ), changed as (
      update credit_grants g set remaining = g.remaining + f.amount,
        amount = g.amount + case when ${kind} = 'correct' then f.amount else 0 end,
        rolled_over = g.rolled_over + case when ${kind} = 'correct' then f.amount else 0 end,
        kept = g.kept + case when ${kind} = 'correct' then f.amount else 0 end,
        revoked_at = case when ${kind} = 'revoke' then ${at} else g.revoked_at end
      from found f where g.id = f.id and g.organization_id = ${organization}
    ), booked as (
      insert into credit_ledger (id, organization_id, grant_id, kind, amount, reason, created_at)
      select ${ledgerId}::uuid, ${organization}, id, ${kind}, amount, ${reason}, ${at} from found where amount <> 0
    ), summed as (
      update credit_accounts a set granted = a.granted + f.amount, owed = greatest(0, a.owed - greatest(0, f.amount)), updated_at = ${at} from found f
      where a.organization_id = ${organization}
    )
    update organizations o set version = o.version + 1 from found f
    where o.id = ${organization} returning o.id, o.version`)
}
