import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { refreshTokens, sessions } from '../../db/schema/accounts.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { users } from '../../db/schema/users.ts'

interface Rotation {
  readonly tokenHash: Uint8Array
  readonly successor: {
    readonly id: string
    readonly hash: Uint8Array
    readonly salt: Uint8Array
    readonly expiresAt: Date
  }
  readonly now: Date
}

/** The owner and organization of a session, as a new access token needs them. */
export interface LiveSession {
  readonly sessionId: string
  readonly userId: string
  readonly organizationId: string | null
}

/**
 * Uses a refresh token and stores its successor, in one statement. Of any number of requests with the same token
 * exactly one succeeds, and if anything fails the token is still usable.
 *
 * @returns `undefined` if the token is unknown, used or expired, or its session or user is no longer valid
 */
export async function rotateRefreshToken(
  db: Database,
  { tokenHash, successor, now }: Rotation,
): Promise<LiveSession | undefined> {
  const at = now.toISOString()
  const { rows } = await db.execute<{ session_id: string; user_id: string; organization_id: string | null }>(sql`
    with used as (
      update refresh_tokens t set used_at = ${at}::timestamptz, successor_id = ${successor.id}::uuid, successor_salt = ${bytesParameter(successor.salt)}
      from sessions s join users u on u.id = s.user_id
      where t.token_hash = ${bytesParameter(tokenHash)} and t.used_at is null and t.expires_at > ${at}::timestamptz
        and s.id = t.session_id and s.ended_at is null and s.expires_at > ${at}::timestamptz and u.is_active
      returning s.id as session_id, s.user_id, s.organization_id
    ), touched as (
      update sessions set last_used_at = ${at}::timestamptz from used where sessions.id = used.session_id
    ), inserted as (
      insert into refresh_tokens (id, session_id, token_hash, created_at, expires_at)
      select ${successor.id}::uuid, session_id, ${bytesParameter(successor.hash)}, ${at}::timestamptz, ${successor.expiresAt.toISOString()}::timestamptz from used
    )
    select * from used`)
  const row = rows[0]
  return row && { sessionId: row.session_id, userId: row.user_id, organizationId: row.organization_id }
}

/** Finds a token that could not be rotated, with the data that distinguishes a lost response from a stolen token. */
export async function findRefreshToken(db: Database, tokenHash: Uint8Array) {
  const [row] = await db
    .select({
      sessionId: refreshTokens.sessionId,
      userId: sessions.userId,
      organizationId: sessions.organizationId,
      usedAt: refreshTokens.usedAt,
      successorSalt: refreshTokens.successorSalt,
      successorUsedAt: sql<
        string | null
      >`(select n.used_at from refresh_tokens n where n.id = ${refreshTokens.successorId})`,
      /** SHA-256 of the successor, in hex. */
      successorHash: sql<
        string | null
      >`(select encode(n.token_hash, 'hex') from refresh_tokens n where n.id = ${refreshTokens.successorId})`,
      endedAt: sessions.endedAt,
      sessionExpiresAt: sessions.expiresAt,
      isActive: users.isActive,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(refreshTokens.tokenHash, tokenHash))
  return row
}
