import { and, desc, eq, getTableColumns, ilike, lt, or, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { apiKeys, apiKeyUsage } from '../db/schema/keys.ts'
import { containing } from '../lib/like.ts'
import { type KeyState, stateAt } from './state.ts'

const { keyHash: _secret, ...keyColumns } = getTableColumns(apiKeys)
const viewColumns = { ...keyColumns, totalRequests: apiKeyUsage.totalRequests, lastUsedAt: apiKeyUsage.lastUsedAt }

export type KeyView = NonNullable<Awaited<ReturnType<typeof findKeyById>>>

/** The organization and id of a key. */
export interface KeyRef {
  readonly organizationId: string
  readonly id: string
}

/** Filters of a list. All given filters must apply. */
interface KeyFilter {
  readonly environment?: 'live' | 'test' | undefined
  readonly status?: KeyState | undefined
  readonly created_by?: string | undefined
  readonly scope?: string | undefined
  readonly search?: string | undefined
  /** Only service keys: those with scopes of the platform. */
  readonly isService?: boolean
}

interface Page {
  readonly limit: number
  /** The id after which the page begins. */
  readonly after: string | undefined
  /** The time used to decide which keys have expired. */
  readonly at: Date
}

/**
 * Selects one page of an organization's keys, newest first, plus one row if there is another page. The filters have no
 * index of their own: an organization has few keys, and the index of the list finds them.
 */
export function listKeys(db: Database, organizationId: string, filter: KeyFilter, { limit, after, at }: Page) {
  return db
    .select(viewColumns)
    .from(apiKeys)
    .leftJoin(apiKeyUsage, eq(apiKeyUsage.keyId, apiKeys.id))
    .where(
      and(
        eq(apiKeys.organizationId, organizationId),
        after ? lt(apiKeys.id, after) : undefined,
        ...conditions(filter, at),
      ),
    )
    .orderBy(desc(apiKeys.id))
    .limit(limit + 1)
}

function conditions({ environment, status, created_by, scope, search, isService }: KeyFilter, at: Date) {
  return [
    isService ? sql`exists (select 1 from unnest(${apiKeys.scopes}) held where held like 'platform:%')` : undefined,
    environment && eq(apiKeys.environment, environment),
    status && sql`${stateAt(at)} = ${status}`,
    created_by ? eq(apiKeys.createdBy, created_by) : undefined,
    scope === undefined ? undefined : sql`${scope} = any(${apiKeys.scopes})`,
    search === undefined ? undefined : mentions(containing(search)),
  ]
}

const mentions = (pattern: string) =>
  or(ilike(apiKeys.name, pattern), ilike(apiKeys.keyHint, pattern), ilike(apiKeys.description, pattern))

export async function findKeyById(db: Database, organizationId: string, id: string) {
  const [row] = await db
    .select(viewColumns)
    .from(apiKeys)
    .leftJoin(apiKeyUsage, eq(apiKeyUsage.keyId, apiKeys.id))
    .where(and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId)))
  return row
}

/** @returns the SHA-256 of a key in hex; undefined if the organization does not have the key */
export async function findKeyHash(db: Database, { organizationId, id }: KeyRef): Promise<string | undefined> {
  const [row] = await db
    .select({ hash: sql<string>`encode(${apiKeys.keyHash}, 'hex')` })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), eq(apiKeys.organizationId, organizationId)))
  return row?.hash
}

/** The limits for issuing a key: the organization's rate limit, and how many keys its plan allows. */
export async function selectKeyAllowance(db: Database, organizationId: string) {
  const { rows } = await db.execute<{ is_platform: boolean; rate_limit: number; max_api_keys: number }>(sql`
    select o.is_platform,
      coalesce((o.limit_overrides->>'rate_limit_per_minute')::int, (p.limits->>'rate_limit_per_minute')::int) as rate_limit,
      coalesce((o.limit_overrides->>'max_api_keys')::int, (plan_limits(p.limits, o.limit_additions)->>'max_api_keys')::int) as max_api_keys
    from organizations o join plans p on p.id = o.plan_id where o.id = ${organizationId}`)
  return rows[0]
}
