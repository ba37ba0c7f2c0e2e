import { and, desc, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { billingUsageLedger } from '../../db/schema/billing-usage.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

export type LedgerRowView = NonNullable<Awaited<ReturnType<typeof findLedgerRow>>>

interface LedgerFilter {
  readonly organization_id?: string | undefined
  readonly state?: string | undefined
  readonly provider?: string | undefined
  readonly meter?: string | undefined
}

/** Selects one page of all organizations' overage, newest first, plus one row if there is another page. */
export function listLedgerRows(db: Database, filter: LedgerFilter, { limit, after }: PageRequest) {
  const { identifier, organizationId, state, provider, meter, createdAt } = billingUsageLedger
  const rest = sql`(created_at, identifier) < (
    select created_at, identifier from billing_usage_ledger where identifier = ${after}::text)`
  return db
    .select()
    .from(billingUsageLedger)
    .where(
      and(
        equals(organizationId, filter.organization_id),
        equals(state, filter.state),
        equals(provider, filter.provider),
        equals(meter, filter.meter),
        after === undefined ? undefined : rest,
      ),
    )
    .orderBy(desc(createdAt), desc(identifier))
    .limit(limit + 1)
}

export async function findLedgerRow(db: Database, identifier: string) {
  const [row] = await db.select().from(billingUsageLedger).where(eq(billingUsageLedger.identifier, identifier))
  return row
}
