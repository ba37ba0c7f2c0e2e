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

interface SessionRow extends Record<string, unknown> {
  readonly session_id: string
  readonly user_id: string
  readonly organization_id: string | null
}

const toLiveSession = (row: SessionRow | undefined) =>
  row && { sessionId: row.session_id, userId: row.user_id, organizationId: row.organization_id }

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
  const { rows } = await db.execute<SessionRow>(sql`
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
  return toLiveSession(rows[0])
}

/**
 * Gives a used refresh token a new successor instead of one that nobody has used. The former successor is marked as superseded: whoever
 * presents it is a second party. Marking it locks its row, so that of a use and any number of replacements exactly one succeeds.
 *
 * @param former SHA-256 of the successor to replace, in hex
 * @returns `undefined` if the successor was used, a concurrent repeat replaced it, or the session is no longer valid
 */
export async function replaceSuccessor(
  db: Database,
  { tokenHash, successor, now, former }: Rotation & { readonly former: string },
): Promise<LiveSession | undefined> {
  const at = now.toISOString()
  const { rows } = await db.execute<SessionRow>(sql`
    with superseded as (
      update refresh_tokens n set used_at = ${at}::timestamptz, successor_salt = ''
      from refresh_tokens t join sessions s on s.id = t.session_id join users u on u.id = s.user_id
      where t.token_hash = ${bytesParameter(tokenHash)} and t.expires_at > ${at}::timestamptz
        and n.id = t.successor_id and n.used_at is null and encode(n.token_hash, 'hex') = ${former}
        and s.ended_at is null and s.expires_at > ${at}::timestamptz and u.is_active
      returning t.id, s.id as session_id, s.user_id, s.organization_id
    ), renewed as (
      update refresh_tokens t set used_at = ${at}::timestamptz, successor_id = ${successor.id}::uuid, successor_salt = ${bytesParameter(successor.salt)}
      from superseded where t.id = superseded.id
    ), touched as (
      update sessions set last_used_at = ${at}::timestamptz from superseded where sessions.id = superseded.session_id
    ), inserted as (
      insert into refresh_tokens (id, session_id, token_hash, created_at, expires_at)
      select ${successor.id}::uuid, session_id, ${bytesParameter(successor.hash)}, ${at}::timestamptz, ${successor.expiresAt.toISOString()}::timestamptz from superseded
    )
    select session_id, user_id, organization_id from superseded`)
  return toLiveSession(rows[0])
}

/** Finds a token that could not be rotated, with the data that distinguishes a lost response from a stolen token. */
export async function findRefreshToken(db: Database, tokenHash: Uint8Array) {
  const [row] = await db
    .select({
      sessionId: refreshTokens.sessionId,
      userId: sessions.userId,
      organizationId: sessions.organizationId,
      usedAt: refreshTokens.usedAt,
      expiresAt: refreshTokens.expiresAt,
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
