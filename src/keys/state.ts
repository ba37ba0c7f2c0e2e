import { sql } from 'drizzle-orm'
import { apiKeys } from '../db/schema/keys.ts'

export const KEY_STATES = ['active', 'disabled', 'expired', 'revoked'] as const

export type KeyState = (typeof KEY_STATES)[number]

/**
 * A key's state at a given time, as SQL. In the order of the verdict's reasons (verification/rules.ts): a revoked key is
 * `revoked`, whether or not it has also expired.
 */
export const stateAt = (at: Date) => sql<KeyState>`case
  when ${apiKeys.revokedAt} <= ${at.toISOString()}::timestamptz then 'revoked'
  when not ${apiKeys.isActive} then 'disabled'
  when ${apiKeys.expiresAt} <= ${at.toISOString()}::timestamptz then 'expired'
  else 'active' end`
