import type { Deps } from '../../deps.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersions } from '../../limits/versions.ts'

/** How many organizations a change of their plan invalidates at once; for the others, the cached row expires. */
export const MAX_ORGANIZATIONS = 10_000
/** Organizations per round trip. */
const CHUNK = 500
interface OrganizationVersion {
  readonly id: string
  readonly version: number
}

/**
 * Invalidates changed organizations in every isolate, after a commit: the first 500, which should be the most active, before it
 * returns; the others after the response. If Redis fails, the cached rows expire within 30 s.
 */
export async function invalidateOnPlan(deps: Deps, raised: readonly OrganizationVersion[]): Promise<void> {
  await publishChunk(deps, raised.slice(0, CHUNK))
  if (raised.length > CHUNK) deps.defer(publishRest(deps, raised.slice(CHUNK)))
}

async function publishRest(deps: Deps, raised: readonly OrganizationVersion[]): Promise<void> {
  for (let at = 0; at < raised.length; at += CHUNK) await publishChunk(deps, raised.slice(at, at + CHUNK))
}

function publishChunk(deps: Deps, chunk: readonly OrganizationVersion[]): Promise<void> {
  return publishVersions(
    deps,
    chunk.map(({ id, version }) => ({ name: organizationVersionKey(id), version })),
  )
}
