import { bigint, boolean, index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz } from './columns.ts'
import { users } from './users.ts'

/** Discoverable credentials that verify their user (W3C Web Authentication Level 3, section 4, "credential record"). */
export const passkeys = pgTable(
  'passkeys',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** The relying party it was made for: it signs for no other. */
    rpId: text().notNull(),
    credentialId: bytea().notNull(),
    /** A COSE key. */
    publicKey: bytea().notNull(),
    /** How often it was used, according to the authenticator. Synced passkeys always report 0. */
    counter: bigint({ mode: 'number' }).notNull(),
    /** How browsers reach it. */
    transports: jsonb().$type<string[]>().notNull(),
    /** Its owner's name for it. */
    name: text().notNull(),
    /** Whether it is on several devices, so that losing one device does not lose the passkey. */
    isSynced: boolean().notNull(),
    createdAt: createdAt(),
    lastUsedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('passkeys_credential_unique').on(t.credentialId),
    index('passkeys_user').on(t.userId, t.createdAt),
  ],
)

/** Random challenges that passkeys sign. Using one deletes its row, so none is used twice. */
export const passkeyChallenges = pgTable(
  'passkey_challenges',
  {
    id: uuid().primaryKey(),
    /** SHA-256 of the challenge as browsers send it back, in base64url. */
    challengeHash: bytea().notNull(),
    /** `register` a passkey, `sign_in`, or `prove` the identity of somebody whose first factor or session is known. */
    purpose: text({ enum: ['register', 'sign_in', 'prove'] }).notNull(),
    /** Whose passkey signs it. Null for a sign-in, where the passkey identifies the user. */
    userId: uuid().references(() => users.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
    expiresAt: timestamptz().notNull(),
  },
  (t) => [
    uniqueIndex('passkey_challenges_hash_unique').on(t.challengeHash),
    index('passkey_challenges_user').on(t.userId),
    index('passkey_challenges_expiry').on(t.expiresAt),
  ],
)
