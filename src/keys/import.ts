import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem } from '../problems.ts'
import { type Allowance, isOperator, requireGrantable, selectAllowance, withBounds } from './grants.ts'
import { insertImported, selectKnownHashes } from './import-queries.ts'
import type { ImportResult, KeyImport } from './lifecycle-schemas.ts'
import { resolveLimits } from './resolve-limits.ts'
import type { NewKeyRow } from './write-queries.ts'

type Item = z.output<typeof KeyImport>['keys'][number]
type Result = z.output<typeof ImportResult>

/** Another import of the same keys may come between look-up and insert. In the next round they are duplicates. */
const MAX_ATTEMPTS = 5

/**
 * Imports keys of another system by their hashes. Existing keys are reported and left unchanged. The rest is stored as
 * a whole, or not at all if it would exceed the organization's number of keys. Idempotent.
 *
 * @throws Problem `imports_disabled`, `key_limit_reached`, and what `requireGrantable` throws
 */
export async function importKeys(
  deps: ManagementDeps,
  principal: Principal,
  organizationId: string,
  input: readonly Item[],
): Promise<Result> {
  const resolved = await Promise.all(
    input.map(async (item, at) => ({
      ...item,
      limits: await resolveLimits(deps, item.limits, `body.keys.${at}.limits`),
    })),
  )
  const items = resolved.map((item) => withBounds(principal, item))
  if (!deps.config.IMPORTED_KEYS) throw new Problem('imports_disabled')
  const now = deps.now()
  const allowance = await selectAllowance(deps, organizationId)
  for (const [at, item] of items.entries()) requireGrantable(item, { principal, allowance, now }, `body.keys.${at}`)
  for (let round = 0; round < MAX_ATTEMPTS; round++) {
    const plan = await planImport(deps, principal, allowance, { items, now })
    const outcome = plan.fresh.size === 0 ? 'stored' : await store(deps, principal, allowance, plan)
    if (outcome === 'stored') return summary(plan.results)
    if (outcome === 'no_room') throw keyLimitReached(plan.fresh.size, allowance)
  }
  throw new Problem('unavailable', { detail: 'The same keys are being imported right now.' })
}

type Plan = Awaited<ReturnType<typeof planImport>>

/** Decides the result of each item: the first one of an unknown hash is imported. */
async function planImport(
  deps: ManagementDeps,
  principal: Principal,
  { organizationId }: Allowance,
  { items, now }: { items: readonly Item[]; now: number },
) {
  const hashes = [...new Set(items.map(({ hash }) => hash))]
  const known = await selectKnownHashes(deps.db, organizationId, hashes)
  const ids = new Map(known.map(({ hash, id }) => [hash, id]))
  const fresh = new Map<string, NewKeyRow>()
  const results = items.map((item, index) => {
    if (ids.has(item.hash)) return { index, status: 'duplicate' as const, id: ids.get(item.hash) ?? null }
    const row = toRow(item, organizationId, principal, now)
    fresh.set(item.hash, row)
    ids.set(item.hash, row.id)
    return { index, status: 'imported' as const, id: row.id }
  })
  return { results, fresh, now }
}

async function store(deps: ManagementDeps, principal: Principal, allowance: Allowance, plan: Plan) {
  const rows = [...plan.fresh.values()]
  const { organizationId, maxKeys } = allowance
  const auditRow = audited(deps, {
    action: 'key.imported',
    actor: principal,
    organizationId,
    target: { type: 'organization', id: organizationId },
    detail: { keys: rows.length },
  })
  const kept = await keepAnswer(deps, 200, summary(plan.results))
  const room = { organizationId, maxKeys, at: new Date(plan.now) }
  return insertImported(deps.db, room, rows, [auditRow, ...kept])
}

function summary(results: Result['results']): Result {
  const imported = results.filter(({ status }) => status === 'imported').length
  return { imported, duplicates: results.length - imported, results }
}

function keyLimitReached(wanted: number, { maxKeys }: Allowance): Problem {
  const detail = `The import has ${wanted} new keys, but the organization may have ${maxKeys} in total. None was imported.`
  return new Problem('key_limit_reached', { detail })
}

function toRow(item: Item, organizationId: string, principal: Principal, now: number): NewKeyRow {
  return {
    id: uuidv7(now),
    organizationId,
    createdBy: principal.kind === 'user' ? principal.userId : null,
    name: item.name,
    description: item.description ?? null,
    keyHash: item.hash,
    keyPrefix: item.prefix ?? '',
    keyHint: item.hint ?? `${item.prefix ?? ''}…`,
    environment: item.environment,
    scopes: item.scopes,
    expiresAt: item.expires_at ?? null,
    customRateLimit: item.custom_rate_limit ?? null,
    isRateLimitGranted: isOperator(principal),
    limits: item.limits,
    maxConcurrent: item.max_concurrent ?? null,
    allowedIps: item.allowed_ips ?? null,
    metadata: item.metadata,
  }
}
