import { and, desc, eq, getTableColumns, inArray, lt, type SQL } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { webhookDeliveries, webhookEndpoints } from '../../db/schema/webhooks.ts'
import { type PageRequest } from '../../http/paging.ts'
import { equals } from '../filter.ts'

const { payload: _payload, ...columns } = getTableColumns(webhookDeliveries)
const viewColumns = { ...columns, url: webhookEndpoints.url, isOperator: webhookEndpoints.isOperator }

export type AdminDeliveryView = NonNullable<Awaited<ReturnType<typeof findDelivery>>>

interface DeliveryFilter {
  readonly organization_id?: string | undefined
  readonly endpoint_id?: string | undefined
  readonly type?: string | undefined
  readonly state?: string | undefined
}

/** Selects one page of all organizations' deliveries, newest first, plus one row if there is another page. */
export function listDeliveries(db: Database, filter: DeliveryFilter, { limit, after }: PageRequest) {
  return select(db)
    .where(
      and(
        isOfOrganization(db, filter.organization_id),
        equals(webhookDeliveries.endpointId, filter.endpoint_id),
        equals(webhookDeliveries.type, filter.type),
        equals(webhookDeliveries.state, filter.state),
        after ? lt(webhookDeliveries.id, after) : undefined,
      ),
    )
    .orderBy(desc(webhookDeliveries.id))
    .limit(limit + 1)
}

export async function findDelivery(db: Database, id: string) {
  const [row] = await select(db).where(eq(webhookDeliveries.id, id))
  return row
}

const select = (db: Database) =>
  db
    .select(viewColumns)
    .from(webhookDeliveries)
    .innerJoin(webhookEndpoints, eq(webhookEndpoints.id, webhookDeliveries.endpointId))

/** Filters by the organization's endpoints, of which there are at most ten, because deliveries are indexed by endpoint. */
function isOfOrganization(db: Database, organizationId: string | undefined): SQL | undefined {
  if (organizationId === undefined) return undefined
  const { id, organizationId: owner } = webhookEndpoints
  return inArray(
    webhookDeliveries.endpointId,
    db.select({ id }).from(webhookEndpoints).where(eq(owner, organizationId)),
  )
}
