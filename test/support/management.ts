import { ormOver } from '../../src/db/orm.ts'
import type { Deps } from '../../src/deps.ts'
import type { ManagementDeps } from '../../src/http/management-env.ts'

/** Deps as the management API has them, for what a test calls directly. */
export function managementDeps(deps: Deps): ManagementDeps {
  const origin = { requestId: crypto.randomUUID(), ip: '192.0.2.7', userAgent: 'test' }
  return { ...deps, db: ormOver(deps.sql), origin }
}
