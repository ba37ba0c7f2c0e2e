import { boolean, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, moment, updatedAt } from './columns.ts'

/** A person who signs in. Rights come from memberships, never from this row. */
export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    /** Lower-cased and trimmed; what is typed at login is normalized the same way. */
    email: text().notNull(),
    name: text(),
    /** A PHC string (argon2id), or bcrypt of an imported user until they sign in; null for a user who has no password. */
    passwordHash: text(),
    /** False when an administrator disabled the account: every session and login ends with it. */
    isActive: boolean().notNull().default(true),
    emailVerifiedAt: moment(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [uniqueIndex('users_email_unique').on(t.email)],
)
