/** Rows that somebody removed since the moment: a restore must not bring them back. */
import type { Part } from './parts.ts'
import { USE_STEP } from './rows-directory.ts'

/**
 * Restored rows that are deleted if the former database does not have them either. Rows are missing there also because of what
 * the restore undoes: so the audit log must say that Tollgate itself removed them.
 */
export interface Removal {
  readonly part: Part
  readonly table: string
  /** Columns that identify a row, or this state of it. */
  readonly key: readonly string[]
  /** The audit actions that remove such rows. */
  readonly actions?: readonly string[]
  /** Or SQL that selects `organization_id`, `actor_id`, `target_id`, `detail` and `at` of acts since `$1` in the former database. `$3` is the moment. */
  readonly acts?: string
  /** SQL over the restored row `t` and an action `a`: whether it may have removed the row, which existed before it. */
  readonly ofAct: string
  /** SQL to run before the deletion. `$1` are the rows to delete, as JSON of their keys. */
  readonly before?: readonly string[]
}

/** Actions that may remove from an account what a stranger had created there (accounts/email/clear-account.ts). */
const CLEARING = ['password.reset', 'account.claimed', 'account.released'] as const

const byId = 't.id::text = a.target_id and t.created_at <= a.at'
const inOrganization = 't.organization_id = a.organization_id'
/** Whether the account was cleared when its owner proved the address. */
const wasCleared = `a.detail->>'cleared' = 'true'`
const owner = 'coalesce(a.actor_id, a.target_user)'
const ofCleared = `(${wasCleared} and t.user_id = ${owner} and t.created_at <= a.at)`
const owns = `exists (select from memberships m where m.organization_id = t.organization_id and m.role = 'owner'
  and m.user_id = ${owner})`
/** The user whose second factor an action is about: the actor, or somebody else if an administrator acted. */
const ofFactor = `(t.user_id in (a.actor_id, a.target_user) and a.action not in ('${CLEARING.join("', '")}'))`
const inCleared = `(${wasCleared} and ${owns} and t.created_at <= a.at)`
/** The time at the start of an id. */
const madeAt = `to_timestamp((('x' || left(replace(t.id::text, '-', ''), 12))::bit(48)::bigint) / 1000.0)`

const doomed = (column: string) => `(select (item->>'${column}')::uuid from jsonb_array_elements($1::jsonb) item)`
const ownAlone = `(select o.id from organizations o join memberships m on m.organization_id = o.id and m.role = 'owner'
  where m.user_id in ${doomed('id')} and o.is_personal and not exists (
    select from memberships other where other.organization_id = o.id and other.user_id <> m.user_id))`
/** Erases personal data in raw events of deleted organizations (privacy/erase-usage.ts). */
const erase = (organizations: string) => `insert into usage_erasures (organization_id, deleted_at)
  select o.id, now() from organizations o where o.id in ${organizations} on conflict do nothing`

const sentByDirectory = {
  part: 'access',
  acts: `select d.organization_id, null::uuid as actor_id, null::text as target_id, '{}'::jsonb as detail, d.last_used_at + ${USE_STEP} as at
    from directories d where d.last_used_at >= $1`,
} as const
const isAsUsed = `${inOrganization} and exists (select from directories d where d.organization_id = t.organization_id
  and coalesce(d.last_used_at, '-infinity') <= a.at)`

/** In an order in which none blocks another. They run before rows are added. */
export const REMOVALS: readonly Removal[] = [
  {
    part: 'removed',
    table: 'users',
    key: ['id'],
    actions: ['account.deleted', 'admin.user_deleted'],
    ofAct: byId,
    before: [erase(ownAlone), `delete from organizations where id in ${ownAlone}`],
  },
  {
    part: 'removed',
    table: 'organizations',
    key: ['id'],
    actions: ['organization.deleted'],
    ofAct: `${byId} and not t.is_platform`,
    before: [erase(doomed('id'))],
  },
  {
    part: 'removed',
    table: 'memberships',
    key: ['organization_id', 'user_id'],
    actions: ['member.removed', 'member.left', ...CLEARING],
    ofAct: `t.created_at <= a.at and ((${inOrganization} and t.user_id = a.target_user and a.action in ('member.removed', 'member.left'))
      or (${inCleared} and t.user_id <> ${owner}))`,
  },
  {
    // Members and invitations may still refer to it here; then the next run removes it.
    part: 'removed',
    table: 'roles',
    key: ['organization_id', 'name'],
    actions: ['role.deleted'],
    ofAct: `${inOrganization} and t.name = a.target_id and t.created_at <= a.at
      and not exists (select from memberships m where m.organization_id = t.organization_id and m.role = t.name)`,
  },
  {
    part: 'removed',
    table: 'identities',
    key: ['id'],
    actions: ['identity.unlinked', ...CLEARING],
    ofAct: `(${byId} or ${ofCleared})`,
  },
  {
    part: 'removed',
    table: 'passkeys',
    key: ['id'],
    actions: ['passkey.removed', ...CLEARING],
    ofAct: `(${byId} or ${ofCleared})`,
  },
  {
    part: 'removed',
    table: 'totp_credentials',
    key: ['user_id'],
    actions: ['two_factor.disabled', 'admin.two_factor_reset', ...CLEARING],
    ofAct: `((${ofFactor} and t.created_at <= a.at) or ${ofCleared})`,
  },
  {
    part: 'removed',
    table: 'backup_codes',
    key: ['id'],
    actions: [
      'two_factor.disabled',
      'admin.two_factor_reset',
      'two_factor.enabled',
      'two_factor.backup_codes_renewed',
      ...CLEARING,
    ],
    ofAct: `((${ofFactor} or (${wasCleared} and t.user_id = ${owner})) and ${madeAt} <= a.at)`,
  },
  {
    part: 'removed',
    table: 'sso_connections',
    key: ['id'],
    actions: ['sso.removed', ...CLEARING],
    ofAct: `(${byId} or ${inCleared})`,
  },
  {
    part: 'removed',
    table: 'directories',
    key: ['organization_id'],
    actions: ['directory.removed', ...CLEARING],
    ofAct: `((a.action = 'directory.removed' and ${inOrganization} and t.created_at <= a.at) or ${inCleared})`,
  },
  {
    part: 'removed',
    table: 'organization_domains',
    key: ['id'],
    actions: ['domain.removed', ...CLEARING],
    ofAct: `(${byId} or ${inCleared})`,
  },
  {
    part: 'removed',
    table: 'webhook_endpoints',
    key: ['id'],
    actions: ['webhook_endpoint.deleted', ...CLEARING],
    ofAct: `(${byId} or ${inCleared})`,
  },
  {
    part: 'removed',
    table: 'spend_caps',
    key: ['organization_id'],
    actions: ['organization.spend_cap_changed'],
    ofAct: `${inOrganization} and t.updated_at <= a.at`,
  },
  {
    part: 'removed',
    table: 'gateway_routes',
    key: ['id', 'updated_at'],
    actions: ['admin.route_updated', 'admin.route_deleted'],
    ofAct: 't.id::text = a.target_id and t.updated_at <= a.at',
  },
  { part: 'removed', table: 'model_prices', key: ['id'], actions: ['admin.price_deleted'], ofAct: byId },
  {
    part: 'removed',
    table: 'plans',
    key: ['id'],
    actions: ['admin.plan_deleted'],
    ofAct: `split_part(t.id, '@', 1) = a.target_id and t.created_at <= a.at
      and not exists (select from organizations o where o.plan_id = t.id)
      and not exists (select from subscriptions s where t.id in (s.plan_id, s.pending_plan_id))`,
  },
  {
    ...sentByDirectory,
    table: 'directory_group_members',
    key: ['organization_id', 'group_id', 'user_id'],
    ofAct: isAsUsed,
  },
  {
    ...sentByDirectory,
    table: 'directory_groups',
    key: ['id', 'version'],
    ofAct: `${isAsUsed} and t.created_at <= a.at`,
  },
  {
    ...sentByDirectory,
    table: 'directory_users',
    key: ['organization_id', 'user_id', 'version'],
    ofAct: `${isAsUsed} and t.created_at <= a.at`,
  },
  {
    // Another link, password or address invalidates links that were sent before.
    part: 'access',
    table: 'email_tokens',
    key: ['id'],
    acts: `select null::uuid as organization_id, null::uuid as actor_id, null::text as target_id, '{}'::jsonb as detail, $3::timestamptz as at where $1::timestamptz is not null`,
    ofAct: 't.created_at <= a.at',
  },
]

/**
 * Single-use rows that are valid for minutes. Some of them may have been used since, unknown to this database: all of them are
 * invalidated, and people who were about to sign in start again. SQL over a row that existed at `$1`, the moment.
 */
export const BEGUN: Readonly<Record<string, string>> = {
  login_challenges: 'created_at <= $1',
  passkey_challenges: 'created_at <= $1',
  sign_in_attempts: 'created_at <= $1',
  email_sign_ins: 'created_at <= $1',
  oauth_codes: `expires_at <= $1::timestamptz + interval '1 minute'`,
  oauth_devices: `expires_at <= $1::timestamptz + interval '15 minutes'`,
}
