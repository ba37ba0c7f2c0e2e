/** What is carried over from the former database into the restored one: the rows of each part, and how they meet. */

export const PARTS = ['new', 'access', 'usage', 'billing', 'sent', 'audit'] as const
export type Part = (typeof PARTS)[number]

/** Rows of one table. Deleted rows are never carried: a deletion is what most restores undo. */
export interface Rows {
  readonly part: Part
  readonly table: string
  /** SQL over the former row `t`; `$1` is the moment. */
  readonly since: string
  /** Columns that identify a row. */
  readonly key: readonly string[]
  /**
   * Inserts rows that the restored database does not have, if this SQL over the former row `r` holds. A row that collides with
   * another one stays out.
   */
  readonly insertIf?: string
  /** SQL that replaces fields of the former row, `r`, before it is inserted. */
  readonly replace?: Readonly<Record<string, string>>
  /** Assignments to the restored row `t` from the former row `r`. */
  readonly update?: string
  /** SQL over both; without it each restored row is updated. */
  readonly updateIf?: string
}

const hasOrganization = 'exists (select from organizations o where o.id = r.organization_id)'
const hasUser = 'exists (select from users u where u.id = r.user_id)'
const hasRole = `(r.custom_role is null
  or exists (select from roles o where o.organization_id = r.organization_id and o.name = r.custom_role))`
const isNew = 't.created_at >= $1'

/** A key keeps what was taken from it. Its version passes that of every cached row. */
const KEY_LOST = `(t.is_active and r.is_active, coalesce(t.revoked_at, r.revoked_at), least(t.expires_at, r.expires_at),
  coalesce(t.leaked_at, r.leaked_at), coalesce(t.replaced_by, r.replaced_by))`

export const ROWS: readonly Rows[] = [
  { part: 'new', table: 'users', since: isNew, key: ['id'], insertIf: 'true' },
  { part: 'new', table: 'organizations', since: isNew, key: ['id'], insertIf: 'not r.is_platform' },
  { part: 'new', table: 'roles', since: isNew, key: ['organization_id', 'name'], insertIf: hasOrganization },
  {
    part: 'new',
    table: 'memberships',
    since: isNew,
    key: ['organization_id', 'user_id'],
    insertIf: `${hasOrganization} and ${hasUser} and ${hasRole}`,
  },
  {
    part: 'new',
    table: 'api_keys',
    since: isNew,
    key: ['id'],
    insertIf: hasOrganization,
    replace: { created_by: '(select u.id from users u where u.id = r.created_by)' },
  },
  { part: 'new', table: 'webhook_endpoints', since: isNew, key: ['id'], insertIf: hasOrganization },
  {
    part: 'access',
    table: 'api_keys',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `(is_active, revoked_at, expires_at, leaked_at, replaced_by) = row${KEY_LOST},
      version = greatest(t.version, r.version) + 1`,
    updateIf: `r.version > t.version
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
    table: 'organizations',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `suspended_at = coalesce(t.suspended_at, r.suspended_at),
      suspended_reason = coalesce(t.suspended_reason, r.suspended_reason), version = greatest(t.version, r.version) + 1`,
    updateIf: 'r.version > t.version or (t.suspended_at is null and r.suspended_at is not null)',
  },
  {
    part: 'access',
    table: 'users',
    since: 't.updated_at >= $1',
    key: ['id'],
    update: `password_hash = r.password_hash, is_active = t.is_active and r.is_active, updated_at = r.updated_at,
      email_verified_at = case when t.email = r.email then coalesce(t.email_verified_at, r.email_verified_at) else t.email_verified_at end`,
    updateIf: 'r.updated_at > t.updated_at',
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
    table: 'sessions',
    since: 'greatest(t.created_at, t.last_used_at, t.ended_at) >= $1',
    key: ['id'],
    insertIf: `${hasUser} and (r.impersonator_id is null or exists (select from users u where u.id = r.impersonator_id))`,
    replace: { organization_id: '(select o.id from organizations o where o.id = r.organization_id)' },
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
  {
    part: 'billing',
    table: 'billing_terms',
    since: 't.updated_at >= $1',
    key: ['organization_id', 'period_start', 'meter'],
    insertIf: hasOrganization,
    update: `plan_id = r.plan_id, included_units = r.included_units, tiers = r.tiers, provider = r.provider,
      provider_customer_id = r.provider_customer_id, event_name = r.event_name, updated_at = r.updated_at`,
    updateIf: 'r.updated_at > t.updated_at',
  },
  {
    part: 'billing',
    table: 'billing_usage_ledger',
    since: 'greatest(t.created_at, t.attempted_at, t.sent_at, t.claimed_until) >= $1',
    key: ['identifier'],
    insertIf: hasOrganization,
    update: `units = r.units, amount_micro_usd = r.amount_micro_usd, charged_with = r.charged_with, amount_cents = r.amount_cents,
      provider_subscription_id = r.provider_subscription_id, generation = r.generation, state = r.state, claimed_until = r.claimed_until,
      attempts = r.attempts, attempted_at = r.attempted_at, sent_at = r.sent_at, error = r.error`,
    updateIf: `t.state = 'pending' and (r.state <> 'pending' or r.attempts > t.attempts or r.charged_with is distinct from t.charged_with)`,
  },
  {
    // What followed from it is lost with the rest, so it is handled once more.
    part: 'billing',
    table: 'billing_events',
    since: 't.received_at >= $1',
    key: ['id'],
    insertIf: 'true',
    replace: {
      organization_id: '(select o.id from organizations o where o.id = r.organization_id)',
      state: `'received'`,
      attempts: '0',
      claimed_until: 'null',
      outcome: 'null',
      processed_at: 'null',
    },
  },
  {
    part: 'sent',
    table: 'usage_alerts',
    since: 'greatest(t.crossed_at, t.notified_at) >= $1',
    key: ['organization_id', 'period_start', 'meter', 'limit_value', 'threshold'],
    insertIf: hasOrganization,
    update: 'notified_at = r.notified_at',
    updateIf: 't.notified_at is null and r.notified_at is not null',
  },
  {
    part: 'sent',
    table: 'mail_outbox',
    since: `t.created_at >= $1::timestamptz - interval '7 days'`,
    key: ['id'],
    insertIf: 'true',
    update: `attempts = r.attempts, next_attempt_at = r.next_attempt_at, sent_at = r.sent_at, text = r.text, html = r.html, error = r.error`,
    updateIf: 't.next_attempt_at is not null and (r.attempts > t.attempts or r.next_attempt_at is null)',
  },
  {
    part: 'sent',
    table: 'webhook_deliveries',
    since: `t.created_at >= $1::timestamptz - interval '7 days'`,
    key: ['id'],
    insertIf: 'exists (select from webhook_endpoints e where e.id = r.endpoint_id)',
    update: `state = r.state, attempts = r.attempts, next_attempt_at = r.next_attempt_at, last_status_code = r.last_status_code,
      last_error = r.last_error, response_time_ms = r.response_time_ms, delivered_at = r.delivered_at`,
    updateIf: 't.next_attempt_at is not null and (r.attempts > t.attempts or r.next_attempt_at is null)',
  },
  {
    part: 'usage',
    table: 'usage_spool_receipts',
    since: 'greatest(t.created_at, t.drained_at) >= $1',
    key: ['id'],
    insertIf: 'true',
    update: 'drained_at = coalesce(t.drained_at, r.drained_at)',
    updateIf: 't.drained_at is null and r.drained_at is not null',
  },
  {
    part: 'usage',
    table: 'usage_gauges',
    since: 't.observed_at >= $1',
    key: ['organization_id', 'meter'],
    insertIf: 'true',
    update: 'value = r.value, observed_at = r.observed_at',
    updateIf: 'r.observed_at > t.observed_at',
  },
  { part: 'audit', table: 'audit_logs', since: isNew, key: ['id'], insertIf: 'true' },
]
