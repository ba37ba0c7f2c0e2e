import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { readBriefly } from '../../db/read-briefly.ts'
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
  const others = [
    name === undefined ? undefined : sql`lower(${apiKeys.name}) like lower(${beginningWith(name)}::text)`,
    organization_id === undefined ? undefined : eq(apiKeys.organizationId, organization_id),
    status && sql`${stateAt(at)} = ${status}`,
    page.after ? lt(apiKeys.id, page.after) : undefined,
  ]
  const newest = (condition: SQL) => sql`(
    select id from api_keys where ${and(condition, ...others)} order by id desc limit ${page.limit + 1})`
  const found = hint === undefined ? [] : hintConditions(hint).map(newest)
  const among = found.length === 0 ? others : [sql`${apiKeys.id} in (${sql.join(found, sql` union `)})`]
  return readBriefly(
    db,
    select(db, at, among)
      .orderBy(desc(apiKeys.id))
      .limit(page.limit + 1),
  )
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

/** The number of last characters of a hint that are indexed. */
const END = 4

const ends = (last: string) => sql`right(${apiKeys.keyHint}, 4) = ${last}`

/**
 * Matches the start of the hint, its end, or both. Case-sensitive.
 *
 * @returns alternative conditions: each is searched separately, so that each can use its own index
 */
function hintConditions(text: string): SQL[] {
  const { start, end } = readHint(text)
  const begins = sql`${apiKeys.keyHint} like ${beginningWith(start)}`
  if (end === undefined) return start.length === END ? [begins, ends(start)] : [begins]
  const whole = sql`right(${apiKeys.keyHint}, ${end.length}::int) = ${end}`
  return [
    sql`${start === '' ? sql`true` : begins} and ${end.length < END ? sql`true` : ends(end.slice(-END))} and ${whole}`,
  ]
}
