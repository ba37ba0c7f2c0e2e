import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import type { CreditKind, CreditSource } from '../../db/schema/credits.ts'
import type { AT_NO_CREDITS } from '../../db/schema/plans.ts'
import { isoText } from '../../events/payload.ts'
import type { PageRequest } from '../../http/paging.ts'
import { selectCharged } from './select-charged.ts'
import { BURN_ORDER } from './settle.ts'

/** The share of the latest grant below which a balance is low, in percent. */
const LOW_PERCENT = 20

/** The balance of an account `a` that counts as low. */
export const LOW_BALANCE = sql.raw(`coalesce(a.low_balance, a.last_granted * ${LOW_PERCENT} / 100)::numeric(24, 9)`)

export type GrantRow = {
  readonly id: string
  readonly amount: string
  readonly remaining: string
  readonly priority: number
  readonly source: CreditSource
  readonly reason: string | null
  readonly rolled_over: string | null
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly created_at: string
}

/** The columns of a grant `g`. Amounts and times as text. */
const GRANT_COLUMNS: SQL = sql`g.id, g.amount::text, g.remaining::text, g.priority, g.source, g.reason,
  g.rolled_over::text, ${isoText(sql`g.expires_at`)} as expires_at, ${isoText(sql`g.revoked_at`)} as revoked_at,
  ${isoText(sql`g.created_at`)} as created_at`

/** The grants with something left, in the order in which they are spent. */
export const selectGrants = (db: Database, organizationId: string) =>
  db.execute<GrantRow>(sql`
    select ${GRANT_COLUMNS} from credit_grants g
    where g.organization_id = ${organizationId}::uuid and g.remaining > 0 order by ${BURN_ORDER}`)

export const selectGrant = (db: Database, organizationId: string, id: string) =>
  db.execute<GrantRow>(sql`
    select ${GRANT_COLUMNS} from credit_grants g where g.id = ${id}::uuid and g.organization_id = ${organizationId}::uuid`)

export type AccountRow = {
  readonly uses_credits: boolean
  readonly balance: string
  readonly owed: string
  readonly at_no_credits: (typeof AT_NO_CREDITS)[number]
  readonly low_balance: string
  readonly is_low_balance_default: boolean
}

/** Whether an organization with the account `a` uses credits: it was granted some, or its plan `p` includes some. */
const USES_CREDITS = sql.raw(
  'a.organization_id is not null and (a.last_granted > 0 or coalesce(p.included_credits_usd > 0, false))',
)

/** An organization's account, as after its settlement; zeros without one. */
export const selectAccount = (db: Database, organizationId: string) =>
  db.execute<AccountRow>(sql`
    select ${USES_CREDITS} as uses_credits, coalesce(a.granted - a.burned, 0)::text as balance,
      coalesce(${LOW_BALANCE}, 0)::text as low_balance, a.low_balance is null as is_low_balance_default, p.at_no_credits,
      case when ${USES_CREDITS} then greatest(0, ${selectCharged(sql`a.organization_id`)} - a.charged_before - a.burned) else 0 end::text as owed
    from organizations o join plans p on p.id = o.plan_id left join credit_accounts a on a.organization_id = o.id
    where o.id = ${organizationId}::uuid`)

export type LedgerEntry = {
  readonly id: string
  readonly grant_id: string
  readonly kind: CreditKind
  readonly amount: string
  readonly source: CreditSource
  readonly reason: string | null
  readonly created_at: string
}

/** One page of an organization's ledger, latest first, plus one row if there is another page. */
export async function listEntries(db: Database, organizationId: string, { limit, after }: PageRequest) {
  const rest = after === undefined ? sql`` : sql`and l.id < ${after}::uuid`
  const { rows } = await db.execute<LedgerEntry>(sql`
    select l.id, l.grant_id, l.kind, l.amount::text, g.source, l.reason, ${isoText(sql`l.created_at`)} as created_at
    from credit_ledger l join credit_grants g on g.id = l.grant_id and g.organization_id = l.organization_id
    where l.organization_id = ${organizationId}::uuid ${rest} order by l.id desc limit ${limit + 1}::int`)
  return rows
}
