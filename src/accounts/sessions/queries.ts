import { and, desc, eq, gt, isNull, lt } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { sessions } from '../../db/schema/accounts.ts'

interface Page {
  readonly limit: number
  readonly after: string | undefined
  readonly now: Date
}

/** Selects one page of a user's live sessions, newest first, plus one row if there is another page. */
export function listSessions(db: Database, userId: string, { limit, after, now }: Page) {
  const isLive = and(eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, now))
  return db
    .select({
      id: sessions.id,
      userAgent: sessions.userAgent,
      ip: sessions.ip,
      createdAt: sessions.createdAt,
      lastUsedAt: sessions.lastUsedAt,
      expiresAt: sessions.expiresAt,
    })
    .from(sessions)
    .where(and(isLive, isNull(sessions.impersonatorId), after ? lt(sessions.id, after) : undefined))
    .orderBy(desc(sessions.id))
    .limit(limit + 1)
}
