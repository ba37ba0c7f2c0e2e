import { ormOver } from '../../src/db/orm.ts'
import type { Deps, ManagementDeps } from '../../src/deps.ts'

/** Deps as the management API has them, for what a test calls directly. */
export function managementDeps(deps: Deps, ip = '192.0.2.7'): ManagementDeps {
  const origin = { requestId: crypto.randomUUID(), ip, userAgent: 'test' }
  return { ...deps, db: ormOver(deps.sql), origin }
}
