import { hasOrganization, hasRole, hasUser, isNew, isNewer, ofActs, type Rows, WHOLE } from './parts.ts'

const planChanged = ofActs(['admin.plan_updated'], `a.target_id = split_part(t.id, '@', 1)`)

/** Rows that were created since the moment, in the order in which they refer to each other. */
export const NEW: readonly Rows[] = [
  { part: 'new', table: 'meters', since: isNew, key: ['slug'], insertIf: 'true' },
  {
    // Only one version of a plan is the newest: the former newest is replaced before another is added.
    part: 'new',
    table: 'plans',
    since: 't.replaced_at >= $1',
    key: ['id'],
    update: 'replaced_at = r.replaced_at',
    updateIf: 't.replaced_at is null',
  },
  { part: 'new', table: 'plans', since: isNew, key: ['id'], insertIf: 'true' },
  { part: 'billing', table: 'plans', since: planChanged.since, key: ['id'], update: WHOLE, updateIf: isNewer },
  { part: 'new', table: 'model_prices', since: isNew, key: ['id'], insertIf: 'true' },
  // A changed one was removed before (removals.ts), so two that swapped places do not collide.
  { part: 'removed', table: 'gateway_routes', since: 't.updated_at >= $1', key: ['id'], insertIf: 'true' },
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
  { part: 'new', table: 'identities', since: isNew, key: ['id'], insertIf: hasUser },
  { part: 'new', table: 'passkeys', since: isNew, key: ['id'], insertIf: hasUser },
  { part: 'new', table: 'sso_connections', since: isNew, key: ['id'], insertIf: hasOrganization },
  { part: 'new', table: 'directories', since: isNew, key: ['organization_id'], insertIf: hasOrganization },
  {
    // A verified domain belongs to one organization: a lapsed one is cleared before another organization gets it.
    part: 'access',
    table: 'organization_domains',
    since: 't.verified_at is null',
    key: ['id'],
    update: 'verified_at = null, checked_at = r.checked_at, missed = r.missed',
    updateIf: 't.verified_at is not null and r.checked_at > t.checked_at',
  },
  { part: 'new', table: 'organization_domains', since: isNew, key: ['id'], insertIf: hasOrganization },
  { part: 'new', table: 'oauth_clients', since: isNew, key: ['id'], insertIf: 'true' },
  // A repeat gets its first answer, and has no second effect.
  { part: 'new', table: 'idempotency_keys', since: isNew, key: ['id'], insertIf: 'true' },
]
