import { eq, sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { organizations } from '../../db/schema/organizations.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { DEFAULT_THRESHOLDS } from './queries.ts'

/** Percentages, ascending. */
export interface Thresholds {
  readonly thresholds: number[]
  readonly is_default: boolean
}

const toThresholds = (chosen: readonly number[] | null): Thresholds => ({
  thresholds: [...(chosen ?? DEFAULT_THRESHOLDS)],
  is_default: chosen === null,
})

/** @throws Problem `organization_not_found` */
export async function readThresholds({ db }: ManagementDeps, organizationId: string): Promise<Thresholds> {
  const [row] = await db
    .select({ chosen: organizations.alertThresholds })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
  if (!row) throw new Problem('organization_not_found')
  return toThresholds(row.chosen)
}

/**
 * Sets the percentages at which alerts are sent. They apply to new usage at once, and to earlier usage within an hour.
 *
 * @param chosen in any order; null for the default
 * @throws Problem `organization_not_found`
 */
export async function setThresholds(
  deps: ManagementDeps,
  actor: Principal,
  organizationId: string,
  chosen: readonly number[] | null,
): Promise<Thresholds> {
  const alertThresholds = chosen && [...new Set(chosen)].toSorted((a, b) => a - b)
  const isThere = sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid)`
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    found: requireThat(deps.db, isThere, 'organization_not_found'),
    organization: deps.db.update(organizations).set({ alertThresholds }).where(eq(organizations.id, organizationId)),
    audit: audited(deps, {
      action: 'organization.alert_thresholds_changed',
      actor,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { thresholds: alertThresholds },
    }),
  })
  return toThresholds(alertThresholds)
}
