import { and, eq, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { backupCodes, sessions, totpCredentials } from '../../db/schema/accounts.ts'
import { webhookEndpoints } from '../../db/schema/alerts.ts'
import { directories } from '../../db/schema/directories.ts'
import { organizationDomains } from '../../db/schema/domains.ts'
import { identities } from '../../db/schema/identities.ts'
import { apiKeys } from '../../db/schema/keys.ts'
import { oauthCodes, oauthDevices } from '../../db/schema/oauth.ts'
import { invitations, memberships } from '../../db/schema/organizations.ts'
import { passkeys } from '../../db/schema/passkeys.ts'
import { ssoConnections } from '../../db/schema/sso.ts'
import { defaultOrganization } from '../sessions/home-organization.ts'

/**
 * Anybody can register an address that is not theirs. When the real owner later proves the address, they must not
 * inherit what the stranger created (pre-hijacking: Sudhodanan and Paverd, USENIX Security 2022): the second factor,
 * passkeys, linked identities, API keys, what was agreed to for applications, webhook endpoints, other members and open invitations
 * of the account's own organizations, and every way into these: single sign-on, directory, domains. Plans, usage and settings stay.
 *
 * No statement affects an account whose address was already confirmed, or one that the operator, an import or a directory made:
 * no stranger is behind that, and its organizations may be somebody's production. The statements belong before the one that
 * confirms the address.
 *
 * @returns steps of a batch
 */
export function clearUnconfirmed(db: Database, userId: string, now: Date) {
  const isUnconfirmed = sql`exists (
    select 1 from users u where u.id = ${userId}::uuid and u.email_verified_at is null and u.is_self_registered)`
  const own = sql`(select m.organization_id from memberships m join organizations o on o.id = m.organization_id
    where m.user_id = ${userId}::uuid and m.role = 'owner' and not o.is_platform)`
  const ofOthers = (column: SQL) => and(isUnconfirmed, sql`${column} in ${own}`)
  return {
    revokedKeys: db
      .update(apiKeys)
      .set({ revokedAt: now, version: sql`${apiKeys.version} + 1` })
      .where(
        and(
          ofOthers(sql`${apiKeys.organizationId}`),
          or(isNull(apiKeys.revokedAt), sql`${apiKeys.revokedAt} > ${now.toISOString()}::timestamptz`),
        ),
      )
      .returning({ id: apiKeys.id, version: apiKeys.version }),
    deletedAgreements: [oauthCodes, oauthDevices].map((table) =>
      db.delete(table).where(and(isUnconfirmed, eq(table.userId, userId))),
    ),
    deletedTotp: db.delete(totpCredentials).where(and(isUnconfirmed, eq(totpCredentials.userId, userId))),
    deletedCodes: db.delete(backupCodes).where(and(isUnconfirmed, eq(backupCodes.userId, userId))),
    deletedPasskeys: db.delete(passkeys).where(and(isUnconfirmed, eq(passkeys.userId, userId))),
    deletedIdentities: db.delete(identities).where(and(isUnconfirmed, eq(identities.userId, userId))),
    deletedWays: [directories, ssoConnections, organizationDomains].map((table) =>
      db.delete(table).where(ofOthers(sql`${table.organizationId}`)),
    ),
    deletedEndpoints: db.delete(webhookEndpoints).where(ofOthers(sql`${webhookEndpoints.organizationId}`)),
    revokedInvitations: db
      .update(invitations)
      .set({ revokedAt: now })
      .where(
        and(
          ofOthers(sql`${invitations.organizationId}`),
          isNull(invitations.acceptedAt),
          isNull(invitations.revokedAt),
        ),
      ),
    removedMembers: db
      .delete(memberships)
      .where(and(ofOthers(sql`${memberships.organizationId}`), ne(memberships.userId, userId))),
    movedSessions: db
      .update(sessions)
      .set({ organizationId: defaultOrganization(sql`sessions.user_id`) })
      .where(and(ofOthers(sql`${sessions.organizationId}`), ne(sessions.userId, userId), isNull(sessions.endedAt))),
  }
}
