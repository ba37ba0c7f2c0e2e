import { boolean, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, updatedAt } from './columns.ts'
import type { GatewayMeter, StoredHeaders } from './shapes.ts'

/** Where the gateway forwards requests to, and what it asks of them. They belong to the operator. */
export const gatewayRoutes = pgTable(
  'gateway_routes',
  {
    id: uuid().primaryKey(),
    /** The route is served under `/gw/{slug}/`. */
    slug: text().notNull(),
    /** The route is served at this host, too. One of GATEWAY_HOSTS. */
    matchHost: text(),
    /** Only paths below it are forwarded. It begins with a slash. */
    matchPathPrefix: text().notNull(),
    /** The URL that the rest of the path is appended to. */
    upstream: text().notNull(),
    stripPrefix: boolean().notNull(),
    addHeaders: jsonb().$type<StoredHeaders>().notNull(),
    /** How long the upstream may take until its answer begins. */
    timeoutMs: integer().notNull(),
    scopes: text().array().notNull(),
    cost: integer().notNull(),
    /** Units of named limits. */
    limits: jsonb().$type<Readonly<Record<string, number>>>().notNull(),
    meter: jsonb().$type<GatewayMeter>().notNull(),
    /** Paths that need no key. `/*` at the end stands for everything below. */
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
