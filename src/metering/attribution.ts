/** Finds the owner of reported usage. */
import type { Sql } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import type { UnattributedEvent, UsageEvent } from './event.ts'

/** A key never changes its organization or environment; this bounds how long a deleted one still counts. */
const HOLDER_AGE_MS = 5 * 60_000

const known = createLru<{ readonly holder: UsageOwner; readonly loadedAt: number }>(20_000)

type Holders = ReadonlyMap<string, UsageOwner>

/**
 * The keys and organizations that events name, from the isolate's memory or with one query.
 *
 * @param caller the organization that may report only for itself; null for an operator's service
 * @throws Problem `unavailable` when one is not in memory and the database does not respond
 */
export async function findOwners(
  deps: Deps,
  events: readonly UnattributedEvent[],
  caller: string | null,
): Promise<Holders> {
  const now = deps.now()
  const named = new Set(events.flatMap(({ key_id, organization_id, holder }) => [key_id, organization_id, holder]))
  const holders = new Map<string, UsageOwner>()
  const missing: string[] = []
  for (const id of named) {
    if (!id || id === caller) continue // the caller exists: it is making this request
    const entry = known.get(id)
    if (entry && now - entry.loadedAt < HOLDER_AGE_MS) holders.set(id, entry.holder)
    else missing.push(id)
  }
  const external = [...new Set(events.flatMap(({ external_id }) => external_id ?? []))]
  if (missing.length === 0 && external.length === 0) return reportable(holders, caller)
  for (const holder of await selectOwners(deps.sql, caller, { ids: missing, external })) {
    known.set(holder.id, { holder, loadedAt: now })
    holders.set(holder.id, holder)
    // Not cached: the operator may give an external id to another organization at any time.
    if (holder.external_id !== null) holders.set(externalKey(holder.external_id), holder)
  }
  return reportable(holders, caller)
}

/** An operator's service reports for customers. Only members of the platform organization report for that organization. */
const reportable = (holders: Holders, caller: string | null): Holders =>
  caller === null ? new Map([...holders].filter(([, { is_platform }]) => !is_platform)) : holders

/** The map key of an organization by the operator's own id; no id of ours has this form. */
const externalKey = (externalId: string) => `external_id ${externalId}`

/** Why an event has no owner. */
export type Unattributable = 'holder_missing' | 'key_not_found' | 'organization_not_found' | 'organization_mismatch'

/**
 * Gives an event the organization, user and environment of its key. Ids of an organization other than the
 * caller's are treated as if they did not exist.
 */
export function attribute(
  reported: UnattributedEvent,
  holders: Holders,
  caller: string | null,
): UsageEvent | Unattributable {
  const event = withExternalNamed(withHolderNamed(reported, holders, caller), holders)
  if (typeof event === 'string') return event
  const { key_id, organization_id } = event
  if (organization_id && !isReportable(organization_id, holders, caller)) return 'organization_not_found'
  const owner = caller ?? organization_id
  if (key_id) return ofKey(event, holders.get(key_id), owner)
  return owner ? { ...event, organization_id: owner } : 'holder_missing'
}

/** @param owner the organization that the key must belong to, if known */
function ofKey(event: Omit<Named, 'external_id'>, key: UsageOwner | undefined, owner: string | null | undefined) {
  if (!key || key.id === key.organization_id) return 'key_not_found'
  if (owner && key.organization_id !== owner) return 'key_not_found'
  const { organization_id, user_id, environment } = key
  return { ...event, organization_id, user_id, environment }
}

/** A holder is the id of an organization if one exists, else of a key. */
function withHolderNamed({ holder, ...event }: UnattributedEvent, holders: Holders, caller: string | null) {
  if (!holder) return event
  return { ...event, [isReportable(holder, holders, caller) ? 'organization_id' : 'key_id']: holder }
}

/** Finds an organization by the operator's own id, and by Tollgate's as well if they agree. */
function withExternalNamed(
  { external_id, ...event }: Named,
  holders: Holders,
): Omit<Named, 'external_id'> | Unattributable {
  if (!external_id) return event
  const id = holders.get(externalKey(external_id))?.id
  if (!id) return 'organization_not_found'
  return event.organization_id && event.organization_id !== id
    ? 'organization_mismatch'
    : { ...event, organization_id: id }
}

type Named = Omit<UnattributedEvent, 'holder'>

/** Whether the organization exists and the caller may report for it. */
const isReportable = (id: string, holders: Holders, caller: string | null) =>
  caller ? id === caller : holders.get(id)?.organization_id === id

/** The owner of usage that is reported under the id of an API key or of an organization. */
interface UsageOwner {
  readonly id: string
  readonly organization_id: string
  readonly user_id: string | null
  readonly environment: string
  /** The operator's own id, if the organization was named by it. */
  readonly external_id: string | null
  readonly is_platform: boolean
}

/** Usage of deleted and revoked keys may arrive late, so only existence counts. */
const OWNERS = `
with owners as (
  select id, organization_id, created_by as user_id, environment, null as external_id from api_keys where id = any($1::uuid[])
  union all
  select id, id, null, '', null from organizations where id = any($1::uuid[])
  union all
  select id, id, null, '', external_id from organizations where external_id = any($3::text[])
)
select owners.*, o.is_platform from owners join organizations o on o.id = owners.organization_id
where $2::uuid is null or o.id = $2`

interface OwnerNames {
  readonly ids: readonly string[]
  readonly external: readonly string[]
}

/** @param organizationId the only one to search; null for all, for the operator's own services */
async function selectOwners(sql: Sql, organizationId: string | null, { ids, external }: OwnerNames) {
  return (await sql.query(OWNERS, [ids, organizationId, external])) as UsageOwner[]
}
