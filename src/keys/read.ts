import type { ManagementDeps } from '../deps.ts'
import { findKeyById, type KeyRef, type KeyView, listKeys } from './queries.ts'

/** The filters of a list of keys, and the requested page. */
interface Wanted {
  readonly filter: Parameters<typeof listKeys>[2]
  readonly limit: number
  readonly after: string | undefined
}

/** One page of an organization's keys, newest first, plus one row if there is another page. */
export function readKeys(deps: ManagementDeps, organizationId: string, { filter, limit, after }: Wanted) {
  return listKeys(deps.db, organizationId, filter, { limit, after, at: new Date(deps.now()) })
}

/** @returns `undefined` for a key that the organization does not have */
export function readKey(deps: ManagementDeps, { organizationId, id }: KeyRef): Promise<KeyView | undefined> {
  return findKeyById(deps.db, organizationId, id)
}
