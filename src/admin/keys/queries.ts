import { and, desc, eq, ilike, like, lt, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { apiKeys, apiKeyUsage } from '../../db/schema/keys.ts'
import { organizations } from '../../db/schema/organizations.ts'
import type { PageRequest } from '../../http/paging.ts'
import { type KeyState, stateAt } from '../../keys/state.ts'
import { beginningWith } from '../../lib/like.ts'
import { readHint } from './hint.ts'

interface KeyFilter {
  readonly hint?: string | undefined
  readonly name?: string | undefined
  readonly organization_id?: string | undefined
  readonly status?: KeyState | undefined
}

export type AdminKeyView = Awaited<ReturnType<typeof listKeys>>[number]

/** Selects one page of the keys of all organizations, newest first, plus one row if there is another page. */
export function listKeys(
  db: Database,
  { hint, name, organization_id, status }: KeyFilter,
  at: Date,
  page: PageRequest,
) {
  return select(db, at, [
    hint === undefined ? undefined : hasHint(hint),
    name === undefined ? undefined : ilike(apiKeys.name, beginningWith(name)),
    organization_id === undefined ? undefined : eq(apiKeys.organizationId, organization_id),
    status && sql`${stateAt(at)} = ${status}`,
    page.after ? lt(apiKeys.id, page.after) : undefined,
  ])
    .orderBy(desc(apiKeys.id))
    .limit(page.limit + 1)
}

/** @param hash SHA-256 of the whole key */
export async function findKeyByHash(db: Database, hash: Uint8Array, at: Date): Promise<AdminKeyView | undefined> {
  const [row] = await select(db, at, [eq(apiKeys.keyHash, hash)])
  return row
}

function select(db: Database, at: Date, conditions: readonly (SQL | undefined)[]) {
  return db
    .select({
      id: apiKeys.id,
      name: apiKeys.name,
      keyHint: apiKeys.keyHint,
      environment: apiKeys.environment,
      status: stateAt(at),
      organizationId: organizations.id,
      organizationName: organizations.name,
      organizationSuspendedAt: organizations.suspendedAt,
      planId: organizations.planId,
      createdBy: apiKeys.createdBy,
      createdAt: apiKeys.createdAt,
      expiresAt: apiKeys.expiresAt,
      revokedAt: apiKeys.revokedAt,
      leakedAt: apiKeys.leakedAt,
      totalRequests: apiKeyUsage.totalRequests,
      lastUsedAt: apiKeyUsage.lastUsedAt,
    })
    .from(apiKeys)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .leftJoin(apiKeyUsage, eq(apiKeyUsage.keyId, apiKeys.id))
    .where(and(...conditions))
}

/** Matches the start of the hint, its end, or both. Case-sensitive. */
function hasHint(text: string): SQL | undefined {
  const { start, end } = readHint(text)
  const begins = like(apiKeys.keyHint, beginningWith(start))
  if (end === undefined) return or(begins, sql`right(${apiKeys.keyHint}, 4) = ${start}`)
  return and(begins, sql`right(${apiKeys.keyHint}, ${end.length}::int) = ${end}`)
}
