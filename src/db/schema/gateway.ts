import { boolean, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, updatedAt } from './columns.ts'
import type { GatewayMeter, StoredHeaders } from './shapes.ts'

/** Where the gateway forwards requests, and what requests need and cost. Routes belong to the operator. */
export const gatewayRoutes = pgTable(
  'gateway_routes',
  {
    id: uuid().primaryKey(),
    /** The route is served under `/gw/{slug}/`. */
    slug: text().notNull(),
    /** The route is also served at this host. One of GATEWAY_HOSTS. */
    matchHost: text(),
    /** Only paths below it are forwarded. It begins with a slash. */
    matchPathPrefix: text().notNull(),
    /** The URL that the rest of the path is appended to. */
    upstream: text().notNull(),
    stripPrefix: boolean().notNull(),
    addHeaders: jsonb().$type<StoredHeaders>().notNull(),
    /** The maximum time until the upstream's response begins. */
    timeoutMs: integer().notNull(),
    scopes: text().array().notNull(),
    cost: integer().notNull(),
    /** Units of named limits. */
    limits: jsonb().$type<Readonly<Record<string, number>>>().notNull(),
    meter: jsonb().$type<GatewayMeter>().notNull(),
    /** Paths that need no key. `/*` at the end matches everything below. */
    publicPaths: text().array().notNull(),
    isEnabled: boolean().notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('gateway_routes_slug_unique').on(t.slug),
    uniqueIndex('gateway_routes_match_unique').on(t.matchHost, t.matchPathPrefix),
  ],
)
