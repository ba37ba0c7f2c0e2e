import type { Deps, ManagementDeps } from '../deps.ts'
import { ormOver } from './orm.ts'

/** For work that no user requested: no address, no browser, and its own request id in the audit log. */
export function systemDeps(deps: Deps): ManagementDeps {
  const origin = { requestId: crypto.randomUUID(), ip: undefined, userAgent: undefined }
  return { ...deps, db: ormOver(deps.sql), origin }
}
