import { index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz } from './columns.ts'
import { users } from './users.ts'

/** Accounts at identity providers that sign in to an account here, by the subject that the provider never reassigns. */
export const identities = pgTable(
  'identities',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** Which provider of SIGN_IN_PROVIDERS. */
    provider: text().notNull(),
    /** The `iss` of its ID tokens, or the address of a provider without any. */
    issuer: text().notNull(),
    /** The `sub` of its ID tokens. It does not change with the address. */
    subject: text().notNull(),
    /** The address that the provider gave at the last sign-in. */
    email: text(),
    createdAt: createdAt(),
    lastUsedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('identities_subject_unique').on(t.issuer, t.subject),
    index('identities_user').on(t.userId, t.createdAt),
  ],
)

/** Who signed in at a provider. */
export interface ProvidedIdentity {
  readonly issuer: string
  readonly subject: string
  readonly email: string | null
  /** Whether the provider says that the person owns the address. */
  readonly isEmailVerified: boolean
  readonly name: string | null
}

/** A sign-in at a provider in progress: from its start until the requesting page redeems it. Each step happens once. */
export const signInAttempts = pgTable(
  'sign_in_attempts',
  {
    id: uuid().primaryKey(),
    /** SHA-256 of the state, which the provider returns. */
    stateHash: bytea().notNull(),
    provider: text().notNull(),
    /** The nonce and the PKCE verifier for the provider. */
    secretsEncrypted: bytea().notNull(),
    /** Where the browser goes afterwards. */
    returnTo: text().notNull(),
    /** The PKCE challenge of the requesting page (RFC 7636): only that page can redeem the code it receives. */
    codeChallenge: text().notNull(),
    createdAt: createdAt(),
    expiresAt: timestamptz().notNull(),
    calledBackAt: timestamptz(),
    /** SHA-256 of the code for the page, once the provider has identified the person. */
    codeHash: bytea(),
    /** The person. Null once the code is used. */
    identity: jsonb().$type<ProvidedIdentity>(),
    usedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('sign_in_attempts_state_unique').on(t.stateHash),
    uniqueIndex('sign_in_attempts_code_unique').on(t.codeHash),
    index('sign_in_attempts_expiry').on(t.expiresAt),
  ],
)
