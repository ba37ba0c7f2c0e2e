import { and, eq, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import { type Statement, whenCommitted } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { backupCodes, sessions, totpCredentials } from '../../db/schema/accounts.ts'
import { directories } from '../../db/schema/directories.ts'
import { organizationDomains } from '../../db/schema/domains.ts'
import { identities } from '../../db/schema/identities.ts'
import { apiKeys } from '../../db/schema/keys.ts'
import { oauthCodes, oauthDevices } from '../../db/schema/oauth.ts'
import { invitations, memberships, organizations } from '../../db/schema/organizations.ts'
import { passkeys } from '../../db/schema/passkeys.ts'
import { ssoConnections } from '../../db/schema/sso.ts'
import { webhookEndpoints } from '../../db/schema/webhooks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { published } from '../../events/publish.ts'
import { type Happening, keysRevoked, membersRemoved } from '../../events/subjects.ts'
import { keyVersionKey } from '../../limits/limit-request.ts'
import { publishVersions } from '../../limits/versions.ts'
import { newAccount } from '../new-account.ts'
import { defaultOrganization } from '../sessions/home-organization.ts'

/** Makes the batch step that publishes an event. */
type Publish = (happening: Happening) => Statement

interface Account {
  readonly id: string
  readonly email: string
}

/**
 * Anybody can register an address that is not theirs. When the real owner later proves the address, they must not
 * inherit what the stranger created (pre-hijacking: Sudhodanan and Paverd, USENIX Security 2022): the second factor,
 * passkeys, linked identities, API keys, approvals for applications, webhook endpoints, other members and open invitations of the
 * account's own organizations, and every way into these: single sign-on, directory, domains. Plans, usage and settings stay. The
 * account leaves organizations that it does not own, and keys that were created there in its name are revoked: the stranger
 * may have transferred the account's organization. Nobody else added the account there, because an invitation confirms the
 * address. An account that is in no organization afterwards gets a new one.
 *
 * No statement affects an account whose address was already confirmed, or that the operator, an import or a directory created:
 * that was no stranger, and its organizations may be somebody's production. The statements must come before the one
 * that confirms the address.
 *
 * @returns batch steps
 */
export function clearUnconfirmed(db: Database, account: Account, now: Date, publish: Publish) {
  const { id: userId } = account
  const isUnconfirmed = sql`exists (
    select 1 from users u where u.id = ${userId}::uuid and u.email_verified_at is null and u.is_self_registered)`
  const own = sql`(select m.organization_id from memberships m join organizations o on o.id = m.organization_id
    where m.user_id = ${userId}::uuid and m.role = 'owner' and not o.is_platform)`
  const ofOthers = (column: SQL) => and(isUnconfirmed, sql`${column} in ${own}`)
  const inTheirName = and(isUnconfirmed, eq(apiKeys.createdBy, userId), sql`api_keys.organization_id ${isNoPlatform}`)
  const keys = or(ofOthers(sql`${apiKeys.organizationId}`), inTheirName)
  return {
    revokedKeys: revokeKeys(db, now, keys),
    told: listEndings({ userId, isUnconfirmed, own, keys }, now).map(publish),
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
    leftOthers: leaveOthers(db, userId, isUnconfirmed),
    ownOrganization: ensureOrganization(db, account, isUnconfirmed, now),
  }
}

/** The same as a list, for a batch that answers without waiting until the keys have stopped: within two seconds. */
export function clearAccount(deps: ManagementDeps, account: Account, now: Date): Statement[] {
  const { revokedKeys, ...others } = clearUnconfirmed(deps.db, account, now, (happening) => published(deps, happening))
  const invalidated = whenCommitted(revokedKeys, (keys) => {
    const versions = keys.map(({ id, version }) => ({ name: keyVersionKey(id), version }))
    deps.defer(publishVersions(deps, versions))
  })
  return [invalidated, ...Object.values(others).flat()]
}

interface Cleared {
  readonly userId: string
  readonly isUnconfirmed: SQL
  readonly own: SQL
  readonly keys: SQL | undefined
}

/** The events of it, for the operator's endpoints and those of other organizations. After the keys, before the memberships. */
const listEndings = ({ userId, isUnconfirmed, own, keys }: Cleared, now: Date): Happening[] => [
  keysRevoked(
    sql`k.revoked_at = ${now.toISOString()}::timestamptz and k.id in (select api_keys.id from api_keys where ${keys})`,
  ),
  membersRemoved(sql`${isUnconfirmed} and m.organization_id in ${own} and m.user_id <> ${userId}::uuid`),
  membersRemoved(
    sql`${isUnconfirmed} and m.user_id = ${userId}::uuid and m.role <> 'owner' and m.organization_id ${isNoPlatform}`,
  ),
]

const revokeKeys = (db: Database, now: Date, those: SQL | undefined) =>
  db
    .update(apiKeys)
    .set({ revokedAt: now, version: sql`${apiKeys.version} + 1` })
    .where(and(those, or(isNull(apiKeys.revokedAt), sql`${apiKeys.revokedAt} > ${now.toISOString()}::timestamptz`)))
    .returning({ id: apiKeys.id, version: apiKeys.version })

/** Ends a user's memberships in organizations that they do not own. */
const leaveOthers = (db: Database, userId: string, condition: SQL) =>
  db
    .delete(memberships)
    .where(
      and(
        condition,
        eq(memberships.userId, userId),
        ne(memberships.role, 'owner'),
        sql`memberships.organization_id ${isNoPlatform}`,
      ),
    )

const isNoPlatform = sql`not in (select p.id from organizations p where p.is_platform)`

/** Creates a personal organization for a user who is in none any more. */
function ensureOrganization(db: Database, { id: userId, email }: Account, condition: SQL, now: Date) {
  const { id, name, slug, planId } = newAccount({ email }, now.getTime()).organization
  return [
    db.execute(sql`
      insert into ${organizations} (id, name, slug, plan_id, is_personal)
      select ${id}::uuid, ${name}::text, ${slug}::text, ${planId}::text, true
      where ${condition} and not exists (select 1 from memberships m where m.user_id = ${userId}::uuid)`),
    db.execute(sql`
      insert into ${memberships} (organization_id, user_id, role)
      select o.id, ${userId}::uuid, 'owner' from organizations o where o.id = ${id}::uuid`),
  ]
}
