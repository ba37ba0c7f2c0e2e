import { and, desc, eq, getTableColumns, lt } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { billingEvents } from '../../db/schema/billing.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

/** Omits payloads: they contain names and addresses of payers, which nobody needs to see the outcome of an event. */
const { payload: _payload, claimedUntil: _claimed, ...viewColumns } = getTableColumns(billingEvents)

export type BillingEventView = NonNullable<Awaited<ReturnType<typeof findBillingEvent>>>

interface BillingEventFilter {
  readonly provider?: string | undefined
  readonly type?: string | undefined
  readonly state?: string | undefined
  readonly outcome?: string | undefined
  readonly organization_id?: string | undefined
}

/** Selects one page of payment providers' events, newest first, plus one row if there is another page. */
export function listBillingEvents(db: Database, filter: BillingEventFilter, { limit, after }: PageRequest) {
  return db
    .select(viewColumns)
    .from(billingEvents)
    .where(
      and(
        equals(billingEvents.provider, filter.provider),
        equals(billingEvents.type, filter.type),
        equals(billingEvents.state, filter.state),
        equals(billingEvents.outcome, filter.outcome),
        equals(billingEvents.organizationId, filter.organization_id),
        after ? lt(billingEvents.id, after) : undefined,
      ),
    )
    .orderBy(desc(billingEvents.id))
    .limit(limit + 1)
}

export async function findBillingEvent(db: Database, id: string) {
  const [row] = await db.select(viewColumns).from(billingEvents).where(eq(billingEvents.id, id))
  return row
}
