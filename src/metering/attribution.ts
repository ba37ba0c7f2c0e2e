/** Whose the usage is that somebody reports. */
import type { Sql } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import type { UnattributedEvent, UsageEvent } from './event.ts'

/** A key stays with its organization and its environment; this bounds how long a deleted one still counts. */
const HOLDER_AGE_MS = 5 * 60_000

const known = createLru<{ readonly holder: UsageOwner; readonly loadedAt: number }>(20_000)

type Holders = ReadonlyMap<string, UsageOwner>

/**
 * The keys and organizations that events name, from the isolate's memory or with one query.
 *
 * @param caller the organization that may report for itself alone; null for a service of the operator's
 * @throws Problem `unavailable` when one is not in memory and the database does not answer
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
    if (!id || id === caller) continue // it is known to exist: it is asking
    const entry = known.get(id)
    if (entry && now - entry.loadedAt < HOLDER_AGE_MS) holders.set(id, entry.holder)
    else missing.push(id)
  }
  const external = [...new Set(events.flatMap(({ external_id }) => external_id ?? []))]
  if (missing.length === 0 && external.length === 0) return reportable(holders, caller)
  for (const holder of await selectOwners(deps.sql, caller, { ids: missing, external })) {
    known.set(holder.id, { holder, loadedAt: now })
    holders.set(holder.id, holder)
    // Not from memory: the operator may give an external id to another organization at any time.
    if (holder.external_id !== null) holders.set(externalKey(holder.external_id), holder)
  }
  return reportable(holders, caller)
}

/** A service of the operator's reports for customers. Only members of the platform organization report for it. */
const reportable = (holders: Holders, caller: string | null): Holders =>
  caller === null ? new Map([...holders].filter(([, { is_platform }]) => !is_platform)) : holders

/** Under which an organization is found by the operator's own id; no id of ours is like this. */
const externalKey = (externalId: string) => `external_id ${externalId}`

/** Why an event is nobody's. */
export type Unattributable = 'holder_missing' | 'key_not_found' | 'organization_not_found' | 'organization_mismatch'

/**
 * Gives an event the organization, user and environment of its key. What belongs to another organization than the
 * caller's is answered as what does not exist.
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

/** @param owner the organization that the key has to be of, where one is known */
function ofKey(event: Omit<Named, 'external_id'>, key: UsageOwner | undefined, owner: string | null | undefined) {
  if (!key || key.id === key.organization_id) return 'key_not_found'
  if (owner && key.organization_id !== owner) return 'key_not_found'
  const { organization_id, user_id, environment } = key
  return { ...event, organization_id, user_id, environment }
}

/** A holder is an organization's id where there is such a one, else a key's. */
function withHolderNamed({ holder, ...event }: UnattributedEvent, holders: Holders, caller: string | null) {
  if (!holder) return event
  return { ...event, [isReportable(holder, holders, caller) ? 'organization_id' : 'key_id']: holder }
}

/** An organization by the operator's own id, and by Tollgate's too if they agree. */
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

/** Whether there is such an organization, and it is the caller's to report for. */
const isReportable = (id: string, holders: Holders, caller: string | null) =>
  caller ? id === caller : holders.get(id)?.organization_id === id

/** An API key, or an organization itself, by its id: whose the usage under it is. */
interface UsageOwner {
  readonly id: string
  readonly organization_id: string
  readonly user_id: string | null
  readonly environment: string
  /** The operator's own id, where the organization was named by it. */
  readonly external_id: string | null
  readonly is_platform: boolean
}

/** Deleted and revoked keys' usage may arrive late, so that only existence counts. */
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

/** @param organizationId the one to look in; null for all, which is for the operator's own services */
async function selectOwners(sql: Sql, organizationId: string | null, { ids, external }: OwnerNames) {
  return (await sql.query(OWNERS, [ids, organizationId, external])) as UsageOwner[]
}
