import { hasOrganization, hasRole, hasUser, isNewer, newest, ofActs, type Rows, WHOLE } from './parts.ts'
import { DIRECTORY } from './rows-directory.ts'

/** What a key lost stays lost. The token of an application is the latest one. */
const KEY_LOST = `(t.is_active and r.is_active, coalesce(t.revoked_at, r.revoked_at),
  case when t.client_id is null then least(t.expires_at, r.expires_at) when ${isNewer} then r.expires_at else t.expires_at end,
  coalesce(t.leaked_at, r.leaked_at), coalesce(t.replaced_by, r.replaced_by))`

/** An address that somebody else has here by now stays theirs, and the next run tries again. */
const isFree = 'not exists (select from users u where u.email = r.email and u.id <> r.id)'

const byRole = ofActs(
  ['member.role_changed', 'organization.transferred'],
  `a.organization_id = t.organization_id and (a.target_id = t.user_id::text or a.action = 'organization.transferred')`,
)

const ofOrganizations: readonly Rows[] = [
  {
    // The version exceeds that of every cached row.
    part: 'access',
    table: 'api_keys',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `(is_active, revoked_at, expires_at, leaked_at, replaced_by) = row${KEY_LOST},
      ${newest('scopes', 'allowed_ips', 'key_hash', 'key_hint')}, updated_at = greatest(t.updated_at, r.updated_at),
      version = greatest(t.version, r.version) + 1`,
    updateIf: `r.version > t.version or ${isNewer}
      or (t.is_active, t.revoked_at, t.expires_at, t.leaked_at, t.replaced_by) is distinct from ${KEY_LOST}`,
  },
  {
    part: 'access',
    table: 'roles',
    since: 't.updated_at >= $1',
    key: ['organization_id', 'name'],
    update: 'permissions = array(select p from unnest(t.permissions) p where p = any(r.permissions))',
    updateIf: 'not t.permissions <@ r.permissions',
  },
  {
    part: 'access',
    table: 'memberships',
    since: byRole.since,
    actedAt: byRole.actedAt,
    key: ['organization_id', 'user_id'],
    update: 'role = r.role',
    updateIf: `t.role <> r.role and ${hasRole} and ${byRole.isLast}`,
  },
  {
    part: 'access',
    table: 'removed_members',
    since: 't.removed_at >= $1',
    key: ['organization_id', 'user_id'],
    insertIf: `${hasOrganization} and ${hasUser}`,
  },
  {
    part: 'access',
    table: 'organizations',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `suspended_at = coalesce(t.suspended_at, r.suspended_at), suspended_reason = coalesce(t.suspended_reason, r.suspended_reason),
      requires_two_factor = t.requires_two_factor or (r.requires_two_factor and ${isNewer}),
      updated_at = greatest(t.updated_at, r.updated_at), version = greatest(t.version, r.version) + 1`,
    updateIf: `r.version > t.version or ${isNewer} or (t.suspended_at is null and r.suspended_at is not null)`,
  },
  {
    part: 'access',
    table: 'organization_domains',
    ...pick(
      ofActs(
        ['domain.verified', 'domain.updated'],
        `a.organization_id = t.organization_id and a.target_id = t.id::text`,
      ),
      `(r.verified_at is null
        or not exists (select from organization_domains d where d.domain = r.domain and d.id <> r.id and d.verified_at is not null))`,
    ),
    key: ['id'],
    update: WHOLE,
  },
  {
    part: 'access',
    table: 'sso_connections',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: WHOLE,
    updateIf: isNewer,
  },
  {
    part: 'access',
    table: 'webhook_endpoints',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `url = r.url, description = r.description, events = r.events, secret = r.secret, previous_secret = r.previous_secret,
      previous_secret_until = r.previous_secret_until, is_active = r.is_active, disabled_reason = r.disabled_reason, updated_at = r.updated_at`,
    updateIf: isNewer,
  },
  {
    part: 'access',
    table: 'spend_caps',
    since: 't.updated_at >= $1',
    key: ['organization_id'],
    insertIf: hasOrganization,
    update: WHOLE,
    updateIf: isNewer,
  },
  ...DIRECTORY,
]

const ofPeople: readonly Rows[] = [
  {
    part: 'access',
    table: 'users',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `password_hash = r.password_hash, is_active = t.is_active and r.is_active,
      updated_at = case when ${isFree} then r.updated_at else t.updated_at end,
      email = case when ${isFree} then r.email else t.email end,
      email_verified_at = case when ${isFree} then r.email_verified_at else t.email_verified_at end`,
    updateIf: isNewer,
  },
  {
    part: 'access',
    table: 'totp_credentials',
    since: 'true',
    key: ['user_id'],
    insertIf: hasUser,
    update:
      'secret_encrypted = r.secret_encrypted, enabled_at = r.enabled_at, last_step = greatest(t.last_step, r.last_step)',
    updateIf:
      'r.created_at >= t.created_at and (t.secret_encrypted, t.enabled_at, t.last_step) is distinct from (r.secret_encrypted, r.enabled_at, r.last_step)',
  },
  {
    part: 'access',
    table: 'backup_codes',
    since: 'true',
    key: ['id'],
    insertIf: hasUser,
    update: 'used_at = r.used_at',
    updateIf: 't.used_at is null and r.used_at is not null',
  },
  {
    part: 'access',
    table: 'identities',
    since: 't.last_used_at >= $1',
    key: ['id'],
    update: 'provider = r.provider, email = r.email, last_used_at = r.last_used_at',
    updateIf: `r.last_used_at > coalesce(t.last_used_at, '-infinity')`,
  },
  {
    // An authenticator that counts is mistaken for a copy if it reports a lower number.
    part: 'access',
    table: 'passkeys',
    since: 't.last_used_at >= $1',
    key: ['id'],
    update: 'counter = greatest(t.counter, r.counter), last_used_at = r.last_used_at',
    updateIf: `r.last_used_at > coalesce(t.last_used_at, '-infinity')`,
  },
  {
    part: 'access',
    table: 'sessions',
    since: 'greatest(t.created_at, t.last_used_at, t.ended_at) >= $1',
    key: ['id'],
    insertIf: `${hasUser} and (r.impersonator_id is null or exists (select from users u where u.id = r.impersonator_id))`,
    replace: {
      organization_id: '(select o.id from organizations o where o.id = r.organization_id)',
      sso_connection_id: '(select c.id from sso_connections c where c.id = r.sso_connection_id)',
    },
    update: `last_used_at = greatest(t.last_used_at, r.last_used_at), ended_at = coalesce(t.ended_at, r.ended_at),
      end_reason = coalesce(t.end_reason, r.end_reason)`,
    updateIf: 'r.last_used_at > t.last_used_at or (t.ended_at is null and r.ended_at is not null)',
  },
  {
    part: 'access',
    table: 'refresh_tokens',
    since: 'greatest(t.created_at, t.used_at) >= $1',
    key: ['id'],
    insertIf: 'exists (select from sessions s where s.id = r.session_id)',
    update: 'used_at = r.used_at, successor_salt = r.successor_salt, successor_id = r.successor_id',
    updateIf: 't.used_at is null and r.used_at is not null',
  },
  {
    part: 'access',
    table: 'email_tokens',
    since: 'greatest(t.created_at, t.used_at) >= $1',
    key: ['id'],
    insertIf: hasUser,
    update: 'used_at = r.used_at',
    updateIf: 't.used_at is null and r.used_at is not null',
  },
  {
    part: 'access',
    table: 'invitations',
    since: 'greatest(t.created_at, t.accepted_at, t.revoked_at) >= $1',
    key: ['id'],
    insertIf: hasOrganization,
    replace: { invited_by: '(select u.id from users u where u.id = r.invited_by)' },
    update: 'accepted_at = coalesce(t.accepted_at, r.accepted_at), revoked_at = coalesce(t.revoked_at, r.revoked_at)',
    updateIf:
      '(t.accepted_at is null and r.accepted_at is not null) or (t.revoked_at is null and r.revoked_at is not null)',
  },
  {
    part: 'access',
    table: 'portal_sessions',
    since: 'greatest(t.created_at, t.used_at) >= $1',
    key: ['id'],
    insertIf: `${hasOrganization} and exists (select from api_keys k where k.id = r.service_key_id)`,
    update: 'used_at = r.used_at',
    updateIf: 't.used_at is null and r.used_at is not null',
  },
]

const ofApplications: readonly Rows[] = [
  {
    // An application that somebody approved is never deleted as unused.
    part: 'access',
    table: 'oauth_clients',
    since:
      't.expires_at is null and exists (select from oauth_grants g where g.client_id = t.id and g.created_at >= $1)',
    key: ['id'],
    update: 'expires_at = null',
    updateIf: 't.expires_at is not null',
  },
  {
    part: 'access',
    table: 'oauth_grants',
    since: 'greatest(t.created_at, t.refreshed_at) >= $1',
    key: ['id'],
    insertIf: `${hasOrganization} and ${hasUser} and exists (select from oauth_clients c where c.id = r.client_id)`,
    update: 'generation = r.generation, refreshed_at = r.refreshed_at, expires_at = r.expires_at',
    updateIf: 'r.generation > t.generation',
  },
]

/** Who may do what, as of the end of the former database. */
export const ACCESS: readonly Rows[] = [...ofOrganizations, ...ofPeople, ...ofApplications]

/** Rows whose changes are in the audit log. */
function pick({ since, actedAt, isLast }: ReturnType<typeof ofActs>, condition: string) {
  return { since, actedAt, updateIf: `${isLast} and ${condition}` }
}
