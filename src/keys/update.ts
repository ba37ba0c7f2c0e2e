import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'
import { toApiKey } from './api-key.ts'
import { changeKey } from './change-key.ts'
import { isOperator, requireGrantable, requireMayChange, selectAllowance } from './grants.ts'
import type { KeyUpdate } from './lifecycle-schemas.ts'
import { findKeyById, type KeyRef, type KeyView } from './queries.ts'
import { resolveLimits } from './resolve-limits.ts'
import { requireOwnSecret } from './rotate.ts'
import type { ApiKey } from './schemas.ts'
import { type KeyChanges, mayBeUpdated, updateKey } from './write-queries.ts'

type Update = z.output<typeof KeyUpdate>

/**
 * Changes the given fields of a key whose values differ, and no others; every isolate sees the change within 2 s. Enabling a key that was
 * reported as leaked is its owner's decision; another report disables it again.
 *
 * @throws Problem `key_not_found`; `key_revoked`; `key_limit_reached` when an expired key would become live again and
 *   there is no room; what `requireGrantable` throws
 */
export async function updateApiKey(
  deps: ManagementDeps,
  principal: Principal,
  key: KeyRef,
  requested: Update,
): Promise<z.output<typeof ApiKey>> {
  const now = deps.now()
  const update = { ...requested, limits: await resolveLimits(deps, requested.limits) }
  const allowance = await selectAllowance(deps, key.organizationId)
  /** Whether the operator grants a rate limit that the key already has and that its plan no longer allows. */
  const isGrantedNow = (row: KeyView, { custom_rate_limit: limit }: Update) =>
    isOperator(principal) &&
    !row.isRateLimitGranted &&
    limit === row.customRateLimit &&
    (limit ?? 0) > allowance.rateLimit
  await changeKey(deps, key, async (row) => {
    requireMayChange(principal, allowance, row)
    const changed = changedFields(row, update).concat(isGrantedNow(row, update) ? ['custom_rate_limit'] : [])
    // unchanged fields grant nothing: a form may repeat a granted rate limit, or a scope that its user lacks
    requireGrantable(pick(update, changed), { principal, allowance, now })
    if (changed.some((field) => OF_AGREEMENT.has(field))) requireOwnSecret(row)
    if (changed.length === 0) {
      // the first request may have died before it published
      await publishVersion(deps, keyVersionKey(key.id), row.version)
      return row.version
    }
    const room = isRevived(row, update, now) ? { maxKeys: allowance.maxKeys, at: new Date(now) } : undefined
    const auditRow = audited(deps, {
      action: 'key.updated',
      actor: principal,
      organizationId: key.organizationId,
      target: { type: 'key', id: key.id },
      detail: describeChanges(row, update, changed),
    })
    const version = await updateKey(deps.db, key, toChanges(update, changed, principal), {
      allowed: mayBeUpdated(key, row.version, room),
      row: auditRow,
    })
    if (version !== undefined) await publishVersion(deps, keyVersionKey(key.id), version)
    return version
  })
  return toApiKey(await findKeyById(deps.db, key.organizationId, key.id))
}

type Field = keyof Update

type Values = { readonly [F in Field]-?: Exclude<Update[F], undefined> }

interface Access<Value> {
  /** In the form of a request. */
  readonly read: (row: KeyView) => unknown
  readonly write: (value: Value, byAdministrator: boolean) => KeyChanges
}

const FIELDS: { readonly [F in Field]: Access<Values[F]> } = {
  name: { read: (row) => row.name, write: (name) => ({ name }) },
  description: { read: (row) => row.description, write: (description) => ({ description }) },
  scopes: { read: (row) => row.scopes, write: (scopes) => ({ scopes }) },
  expires_at: { read: (row) => row.expiresAt, write: (at) => ({ expiresAt: at === null ? null : new Date(at) }) },
  custom_rate_limit: {
    read: (row) => row.customRateLimit,
    write: (customRateLimit, isRateLimitGranted) => ({ customRateLimit, isRateLimitGranted }),
  },
  limits: { read: (row) => row.limits, write: (limits) => ({ limits }) },
  max_concurrent: { read: (row) => row.maxConcurrent, write: (maxConcurrent) => ({ maxConcurrent }) },
  allowed_ips: { read: (row) => row.allowedIps, write: (allowedIps) => ({ allowedIps }) },
  metadata: { read: (row) => row.metadata, write: (metadata) => ({ metadata }) },
  is_active: {
    read: (row) => row.isActive,
    write: (isActive) => ({ isActive, ...(isActive && { leakedAt: null }) }),
  },
}

/** The fields of a consent, if a key is an application's token: its scopes, its purpose, and its expiry. */
const OF_AGREEMENT: ReadonlySet<Field> = new Set(['scopes', 'metadata', 'expires_at'])

function changedFields(row: KeyView, update: Update): Field[] {
  const fields = (Object.keys(FIELDS) as Field[]).filter((field) => update[field] !== undefined)
  return fields.filter((field) => {
    const wanted = field === 'expires_at' && update.expires_at ? new Date(update.expires_at) : update[field]
    return canonicalJson(wanted) !== canonicalJson(FIELDS[field].read(row))
  })
}

const pick = (update: Update, fields: readonly Field[]): Update =>
  Object.fromEntries(fields.map((field) => [field, update[field]]))

function toChanges(update: Update, changed: readonly Field[], principal: Principal): KeyChanges {
  return Object.assign({}, ...changed.map((field) => toChange(field, update[field], isOperator(principal))))
}

function toChange<F extends Field>(field: F, value: Update[F], byAdministrator: boolean): KeyChanges {
  return value === undefined ? {} : FIELDS[field].write(value as Values[F], byAdministrator)
}

/** Whether an expired key would count again. A key in its grace period never does. */
function isRevived({ expiresAt, revokedAt }: KeyView, { expires_at }: Update, now: number): boolean {
  return revokedAt === null && expiresAt !== null && expiresAt.getTime() <= now && expires_at !== undefined
}

/** Metadata belongs to the customer and may be personal. The append-only audit log records only that it changed. */
function describeChanges(row: KeyView, update: Update, changed: readonly Field[]) {
  const logged = changed.filter((field) => field !== 'metadata')
  const viewColumns = toApiKey(row)
  return {
    changed,
    before: Object.fromEntries(logged.map((field) => [field, viewColumns[field]])),
    after: Object.fromEntries(logged.map((field) => [field, update[field]])),
  }
}
