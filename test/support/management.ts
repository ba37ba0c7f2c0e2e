import { ormOver } from '../../src/db/orm.ts'
import type { Deps, ManagementDeps } from '../../src/deps.ts'

/** Deps of the management API, for direct calls of a test. */
export function managementDeps(deps: Deps, ip = '192.0.2.7'): ManagementDeps {
  const origin = { requestId: crypto.randomUUID(), ip, userAgent: 'test' }
  return { ...deps, db: ormOver(deps.sql), origin }
}
