import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz } from './columns.ts'
import { organizations } from './organizations.ts'
import { users } from './users.ts'

/** Applications that may ask people for access: registered (RFC 7591), or described by a document of their own. */
export const oauthClients = pgTable(
  'oauth_clients',
  {
    id: uuid().primaryKey(),
    /** The name that it gives itself, unverified. */
    name: text().notNull(),
    uri: text(),
    /** The URL of the document that describes it, which is its `client_id`. Null for a registered client. */
    metadataUrl: text().unique('oauth_clients_metadata_url'),
    /** When the document must be fetched again. */
    readAgainAt: timestamptz(),
    redirectUris: text().array().notNull(),
    /** SHA-256. Null for a public client. */
    secretHash: bytea(),
    authMethod: text({ enum: ['none', 'client_secret_basic', 'client_secret_post'] }).notNull(),
    /** Whether it gets refresh tokens. */
    refreshes: boolean().notNull(),
    /** Whether it requests access from devices without a browser (RFC 8628). */
    devices: boolean().notNull().default(false),
    createdAt: createdAt(),
    /** When a client that nobody has approved is deleted. Null as soon as somebody approves it. */
    expiresAt: timestamptz(),
  },
  (t) => [
    index('oauth_clients_expiry').on(t.expiresAt).where(sql`${t.expiresAt} is not null`),
    check('oauth_clients_secret', sql`(${t.authMethod} = 'none') = (${t.secretHash} is null)`),
    check(
      'oauth_clients_document',
      sql`${t.metadataUrl} is null or (${t.authMethod} = 'none' and ${t.readAgainAt} is not null)`,
    ),
  ],
)

/** Authorization codes (RFC 6749 §4.1). Each is good once, for a minute. */
export const oauthCodes = pgTable(
  'oauth_codes',
  {
    /** SHA-256 of the code. */
    codeHash: bytea().primaryKey(),
    clientId: uuid()
      .notNull()
      .references(() => oauthClients.id, { onDelete: 'cascade' }),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    redirectUri: text().notNull(),
    /** The PKCE challenge, S256 (RFC 7636). */
    codeChallenge: text().notNull(),
    scopes: text().array().notNull(),
    /** What the tokens are for (RFC 8707). */
    resource: text(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    /** The grant that the code was exchanged for: a second use of the code ends it. */
    grantId: uuid(),
  },
  (t) => [index('oauth_codes_expiry').on(t.expiresAt)],
)

/**
 * The access that people gave to applications. The access token is an API key with the id of the grant: it is verified, limited,
 * metered and revoked like any other.
 */
export const oauthGrants = pgTable(
  'oauth_grants',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    clientId: uuid()
      .notNull()
      .references(() => oauthClients.id, { onDelete: 'cascade' }),
    resource: text(),
    /** Makes its tokens unpredictable to anyone who knows only the root secret. */
    salt: bytea().notNull(),
    /** The number of its latest tokens. The refresh token with this number works. */
    generation: integer().notNull().default(0),
    /** The number of the refresh token that the latest tokens were issued for, which repeats the answer; null before the first renewal. */
    predecessor: integer(),
    createdAt: createdAt(),
    refreshedAt: timestamp({ withTimezone: true }).notNull(),
    /** When the grant ends unless it is renewed. */
    expiresAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index('oauth_grants_user').on(t.userId, t.id),
    index('oauth_grants_client').on(t.clientId),
    index('oauth_grants_organization').on(t.organizationId),
    index('oauth_grants_expiry').on(t.expiresAt),
  ],
)

/** Requests of devices without a browser (RFC 8628): somebody enters the code on another device, and decides there. */
export const oauthDevices = pgTable(
  'oauth_devices',
  {
    /** SHA-256 of the device code. */
    deviceHash: bytea().primaryKey(),
    /** What the person enters, without its hyphen. */
    userCode: text().notNull().unique('oauth_devices_user_code'),
    clientId: uuid()
      .notNull()
      .references(() => oauthClients.id, { onDelete: 'cascade' }),
    /** The requested scopes; after the decision, the approved scopes. */
    scopes: text().array().notNull(),
    resource: text(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    /** How long the device must wait between two polls, in seconds. It grows if the device polls sooner. */
    intervalSeconds: integer().notNull(),
    askedAt: timestamptz(),
    decision: text({ enum: ['approve', 'deny'] }),
    userId: uuid().references(() => users.id, { onDelete: 'cascade' }),
    organizationId: uuid().references(() => organizations.id, { onDelete: 'cascade' }),
    /** The grant that came from it. */
    grantId: uuid(),
  },
  (t) => [
    index('oauth_devices_expiry').on(t.expiresAt),
    index('oauth_devices_client').on(t.clientId),
    index('oauth_devices_user').on(t.userId).where(sql`${t.userId} is not null`),
    index('oauth_devices_organization').on(t.organizationId).where(sql`${t.organizationId} is not null`),
    check(
      'oauth_devices_decision',
      sql`(${t.decision} is distinct from 'approve') = (${t.organizationId} is null) and (${t.decision} is null) = (${t.userId} is null)`,
    ),
  ],
)
