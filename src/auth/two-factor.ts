import { type SQL, sql } from 'drizzle-orm'

/** Whether a user's second factor is enabled. @param userId the user's id as an expression of the surrounding query */
export const hasTwoFactor = (userId: SQL) => sql<boolean>`exists (
  select 1 from totp_credentials t where t.user_id = ${userId} and t.enabled_at is not null)`
