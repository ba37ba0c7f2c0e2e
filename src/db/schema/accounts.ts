import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz } from './columns.ts'
import { organizations } from './organizations.ts'
import { ssoConnections } from './sso.ts'
import { users } from './users.ts'

/** One signed-in device. Ending it ends all of its refresh and access tokens. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** The organization the session acts for. Null once that organization is deleted. */
    organizationId: uuid().references(() => organizations.id, { onDelete: 'set null' }),
    ip: text(),
    userAgent: text(),
    createdAt: createdAt(),
    lastUsedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
    /** Absolute expiry, however often the session is refreshed. */
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    endedAt: timestamptz(),
    endReason: text(),
    /** When the owner last proved to be present with a passkey, after the sign-in. */
    reauthenticatedAt: timestamptz(),
    /** The single sign-on connection that opened it. Such a session ends the same day. */
    ssoConnectionId: uuid().references(() => ssoConnections.id, { onDelete: 'set null' }),
    /** The administrator who opened this session for support. Such a session may not change credentials. */
    impersonatorId: uuid().references(() => users.id, { onDelete: 'cascade' }),
  },
  (t) => [
    index('sessions_user').on(t.userId, t.createdAt),
    index('sessions_organization').on(t.organizationId),
    index('sessions_impersonator').on(t.impersonatorId).where(sql`${t.impersonatorId} is not null`),
    index('sessions_sso').on(t.ssoConnectionId).where(sql`${t.ssoConnectionId} is not null`),
    index('sessions_expiry').on(t.expiresAt),
  ],
)

/** A chain per session: each token is used once and refers to its successor. Only hashes are stored. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    id: uuid().primaryKey(),
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    /** SHA-256 of the token. */
    tokenHash: bytea().notNull(),
    createdAt: createdAt(),
    /** Idle expiry: a token that is not used until then is dead. */
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    usedAt: timestamptz(),
    /**
     * Random. Together with the token and the server's secret it derives the same successor again, within the grace
     * period.
     */
    successorSalt: bytea(),
    successorId: uuid(),
  },
  (t) => [uniqueIndex('refresh_tokens_hash_unique').on(t.tokenHash), index('refresh_tokens_session').on(t.sessionId)],
)

/** Single-use secrets sent by email: verification, password reset, address change. */
export const emailTokens = pgTable(
  'email_tokens',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    purpose: text({ enum: ['verify', 'reset', 'change'] }).notNull(),
    /** SHA-256 of the token. */
    tokenHash: bytea().notNull(),
    /** The address the token was sent to, and therefore proves. */
    email: text().notNull(),
    createdAt: createdAt(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    usedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('email_tokens_hash_unique').on(t.tokenHash),
    index('email_tokens_user').on(t.userId, t.purpose),
    index('email_tokens_expiry').on(t.expiresAt),
    check('email_tokens_purpose', sql`${t.purpose} in ('verify', 'reset', 'change')`),
  ],
)

/** Sign-ins by email in progress: a code, or a link that contains it. Only the page that requested it can use it. */
export const emailSignIns = pgTable(
  'email_sign_ins',
  {
    id: uuid().primaryKey(),
    /** The address it was sent to, and therefore proves. */
    email: text().notNull(),
    /** The PKCE challenge of the page that asked (RFC 7636). */
    codeChallenge: text().notNull(),
    /** SHA-256 of that challenge and the code. */
    codeHash: bytea().notNull(),
    /** How many codes were tried so far. */
    tries: integer().notNull().default(0),
    createdAt: createdAt(),
    expiresAt: timestamptz().notNull(),
    usedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('email_sign_ins_challenge_unique').on(t.codeChallenge),
    index('email_sign_ins_expiry').on(t.expiresAt),
  ],
)

/**
 * The second factor of a user, set up but not yet enabled while `enabledAt` is null: the TOTP secret of an authenticator app (RFC
 * 6238), or the user's passkeys.
 */
export const totpCredentials = pgTable('totp_credentials', {
  userId: uuid()
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  /**
   * AES-GCM ciphertext with its nonce in front; the user's id is the additional data. Null without an app: then only a passkey or a
   * backup code is the second factor.
   */
  secretEncrypted: bytea(),
  enabledAt: timestamptz(),
  /** The last accepted 30-second step: a code is never accepted twice (RFC 6238 §5.2). */
  lastStep: bigint({ mode: 'number' }),
  failedAttempts: integer().notNull().default(0),
  lockedUntil: timestamptz(),
  createdAt: createdAt(),
})

/** A sign-in that waits for its second factor. The token is opaque, short-lived, and good only for that, once. */
export const loginChallenges = pgTable(
  'login_challenges',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** SHA-256 of the challenge token. */
    tokenHash: bytea().notNull(),
    /** What was proved before the second factor. */
    firstFactor: text({ enum: ['password', 'identity', 'email'] })
      .notNull()
      .default('password'),
    /** The single sign-on connection that proved it, if any. */
    ssoConnectionId: uuid().references(() => ssoConnections.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    usedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('login_challenges_hash_unique').on(t.tokenHash),
    index('login_challenges_user').on(t.userId),
    index('login_challenges_expiry').on(t.expiresAt),
  ],
)

/** Ten per user. Each works once. */
export const backupCodes = pgTable(
  'backup_codes',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    codeHash: bytea().notNull(),
    usedAt: timestamptz(),
  },
  (t) => [uniqueIndex('backup_codes_user_hash').on(t.userId, t.codeHash)],
)
