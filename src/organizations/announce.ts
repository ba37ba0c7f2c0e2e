import type { Deps } from '../deps.ts'
import { organizationVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'

interface Changed {
  readonly id: string
  readonly version: number
}

/** Tells every isolate of organizations that changed, so that their keys are checked again within two seconds. */
export async function announceOrganizations(deps: Deps, changed: readonly Changed[]): Promise<void> {
  await Promise.all(changed.map(({ id, version }) => publishVersion(deps, organizationVersionKey(id), version)))
}

/** The same for organizations that are gone, by the version they had: their keys are gone with them. */
export function invalidateDeleted(deps: Deps, gone: readonly Changed[]): Promise<void> {
  return announceOrganizations(
    deps,
    gone.map(({ id, version }) => ({ id, version: version + 1 })),
  )
}
