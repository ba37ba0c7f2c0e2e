import { and, desc, lt, sql } from 'drizzle-orm'
import { isOnPlan } from '../../db/conditions.ts'
import type { Database } from '../../db/orm.ts'
import { subscriptions } from '../../db/schema/billing.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

interface SubscriptionFilter {
  readonly status?: string | undefined
  readonly plan?: string | undefined
  readonly provider?: string | undefined
  readonly organization_id?: string | undefined
}

/** Selects one page of all organizations' subscriptions, newest first, plus one row if there is another page. */
export function listSubscriptions(db: Database, filter: SubscriptionFilter, { limit, after }: PageRequest) {
  return db
    .select()
    .from(subscriptions)
    .where(
      and(
        equals(subscriptions.status, filter.status),
        filter.plan === undefined ? undefined : isOnPlan(sql`${subscriptions.planId}`, filter.plan),
        equals(subscriptions.provider, filter.provider),
        equals(subscriptions.organizationId, filter.organization_id),
        after ? lt(subscriptions.id, after) : undefined,
      ),
    )
    .orderBy(desc(subscriptions.id))
    .limit(limit + 1)
}
