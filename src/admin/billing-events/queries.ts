import { and, desc, eq, getTableColumns, lt } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { billingEvents } from '../../db/schema/billing.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

/** Payloads hold names and addresses of payers: nobody needs those to see what came of an event. */
const { payload: _payload, claimedUntil: _claimed, ...viewColumns } = getTableColumns(billingEvents)

export type BillingEventView = NonNullable<Awaited<ReturnType<typeof findBillingEvent>>>

interface BillingEventFilter {
  readonly provider?: string | undefined
  readonly type?: string | undefined
  readonly state?: string | undefined
  readonly outcome?: string | undefined
  readonly organization_id?: string | undefined
}

/** One page of what payment providers sent, newest first, and one row more when there is another page. */
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
