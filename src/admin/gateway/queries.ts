import { asc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { gatewayRoutes } from '../../db/schema/gateway.ts'

export type RouteRow = typeof gatewayRoutes.$inferSelect

/** Every isolate keeps all routes of a gateway in memory. */
const MAX_ROUTES = 200

/** Lists all routes, by slug. */
export const listRouteRows = (db: Database) => db.select().from(gatewayRoutes).orderBy(asc(gatewayRoutes.slug))

export async function findRouteRow(db: Database, id: string): Promise<RouteRow | undefined> {
  const [row] = await db.select().from(gatewayRoutes).where(eq(gatewayRoutes.id, id))
  return row
}

export const hasRoom = (): SQL => sql`(select count(*) from gateway_routes) < ${MAX_ROUTES}`

export const isRoute = (id: string): SQL => sql`exists (select 1 from gateway_routes r where r.id = ${id}::uuid)`

/** Violates `gateway_routes_slug_unique` or `gateway_routes_match_unique` if there is a duplicate. */
export const insertRoute = (db: Database, row: RouteRow) => db.insert(gatewayRoutes).values(row)

type Columns = Omit<RouteRow, 'id' | 'addHeaders' | 'createdAt' | 'updatedAt'>

/** Columns to set. Headers are merged in the database, so that concurrent changes do not overwrite each other. */
export type RouteChanges = { readonly [Column in keyof Columns]?: Columns[Column] | undefined } & {
  readonly setHeaders: RouteRow['addHeaders']
  readonly removedHeaders: readonly string[]
}

export function updateRoute(db: Database, id: string, { setHeaders, removedHeaders, ...columns }: RouteChanges) {
  const removed = sql`array(select jsonb_array_elements_text(${JSON.stringify(removedHeaders)}::jsonb))`
  const addHeaders = sql`(${gatewayRoutes.addHeaders} || ${JSON.stringify(setHeaders)}::jsonb) - ${removed}`
  return db
    .update(gatewayRoutes)
    .set({ ...columns, addHeaders, updatedAt: new Date() })
    .where(eq(gatewayRoutes.id, id))
    .returning()
}

export const deleteRoute = (db: Database, id: string) => db.delete(gatewayRoutes).where(eq(gatewayRoutes.id, id))
