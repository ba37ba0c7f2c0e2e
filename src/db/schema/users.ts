import { boolean, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz, updatedAt } from './columns.ts'

/** A person who signs in. Permissions come from memberships, never from this row. */
export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    /** Lower-cased and trimmed. Input at login is normalized the same way. */
    email: text().notNull(),
    name: text(),
    /**
     * A PHC string (argon2id), or bcrypt for an imported user until they sign in. Null for a user without a password.
     */
    passwordHash: text(),
    /** False when an administrator disabled the account, which ends all of its sessions. */
    isActive: boolean().notNull().default(true),
    emailVerifiedAt: timestamptz(),
    /**
     * Whether the account began with an address that somebody only claimed. Until it is confirmed, it may be a stranger's account
     * (accounts/email/clear-account.ts). False if the operator, an import or a directory created it.
     */
    isSelfRegistered: boolean().notNull().default(true),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [uniqueIndex('users_email_unique').on(t.email)],
)
