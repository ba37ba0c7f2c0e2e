import type { Deps } from '../deps.ts'
import { organizationVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'

interface Changed {
  readonly id: string
  readonly version: number
}

/**
 * Publishes the versions of changed organizations, so that every isolate checks their keys again within two seconds.
 */
export async function invalidateOrganizations(deps: Deps, changed: readonly Changed[]): Promise<void> {
  await Promise.all(changed.map(({ id, version }) => publishVersion(deps, organizationVersionKey(id), version)))
}

/** The same for deleted organizations, by their last version: their keys are deleted with them. */
export function invalidateDeleted(deps: Deps, gone: readonly Changed[]): Promise<void> {
  return invalidateOrganizations(
    deps,
    gone.map(({ id, version }) => ({ id, version: version + 1 })),
  )
}
