import { eq } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { backupCodes, totpCredentials } from '../../db/schema/accounts.ts'

/** Statements that remove a user's second factor and its backup codes. */
export function removeTwoFactor(db: Database, userId: string) {
  return [
    db.delete(totpCredentials).where(eq(totpCredentials.userId, userId)),
    db.delete(backupCodes).where(eq(backupCodes.userId, userId)),
  ] as const
}
