import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Manager } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatUsd } from '../../lib/usd.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { getUse } from '../../limits/quotas.ts'
import { publishVersion } from '../../limits/versions.ts'
import { Problem } from '../../problems.ts'
import { deleteCap, findCap, raiseVersion, upsertCap } from './queries.ts'
import type { NewSpendCap, SpendCap } from './schemas.ts'

/** @throws Problem `organization_not_found` */
export async function readSpendCap(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof SpendCap>> {
  const [cap, { period }] = await Promise.all([
    findCap(deps.db, organizationId, deps.now()),
    getUse(deps.sql, organizationId, deps.now()),
  ])
  if (!cap) throw new Problem('organization_not_found')
  return {
    cost_usd: cap.cost_usd && formatUsd(cap.cost_usd),
    action: cap.action,
    used: formatUsd(cap.used),
    period_start: new Date(period.start).toISOString(),
    resets_at: new Date(period.end).toISOString(),
  }
}

interface CapAct {
  readonly manager: Manager
  readonly organizationId: string
  readonly input: z.output<typeof NewSpendCap>
}

/** Sets the cap on a usage period's charges, everywhere within two seconds. @throws Problem `organization_not_found` */
export async function setSpendCap(deps: ManagementDeps, { manager, organizationId, input }: CapAct) {
  const { db } = deps
  const { cost_usd: costUsd, action } = input
  const { raised } = await runBatch(db, {
    lock: lockOrganization(db, organizationId),
    found: requireThat(db, isOrganization(organizationId), 'organization_not_found'),
    cap: costUsd === null ? deleteCap(db, organizationId) : upsertCap(db, organizationId, costUsd, action),
    raised: raiseVersion(db, organizationId),
    audit: audited(deps, {
      action: 'organization.spend_cap_changed',
      actor: manager,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: costUsd === null ? { cost_usd: null } : { cost_usd: formatUsd(costUsd), action },
    }),
  })
  const version = raised[0]?.version
  if (version !== undefined) await publishVersion(deps, organizationVersionKey(organizationId), version)
  return readSpendCap(deps, organizationId)
}
