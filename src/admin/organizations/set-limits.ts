import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { recordBeforeLeaving } from '../../billing/overage/job.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import { holdMeters } from '../../db/hold-meters.ts'
import type { ManagementDeps } from '../../deps.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersion } from '../../limits/versions.ts'
import { Problem } from '../../problems.ts'
import type { QuotaOverrides } from '../schemas.ts'
import { customMetersIn, formatLimits, resolveLimits } from './limits.ts'
import { updateOrganization } from './queries.ts'

/** Sets an organization's own limits, everywhere within two seconds. @throws Problem `organization_not_found`, `invalid_request` */
export async function setLimits(
  deps: ManagementDeps,
  operator: Operator,
  organizationId: string,
  input: z.output<typeof QuotaOverrides>,
): Promise<void> {
  const limits = await resolveLimits(deps, input, 'body')
  await recordBeforeLeaving(deps, organizationId)
  const { organization } = await runBatch(deps.db, {
    meters: holdMeters(deps.db, customMetersIn(limits)),
    organization: updateOrganization(deps.db, organizationId, { limits }),
    found: requireThat(deps.db, isOrganization(organizationId), 'organization_not_found'),
    audit: audited(deps, {
      action: 'organization.limits_changed',
      actor: operator,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { limits: formatLimits(limits) },
    }),
  })
  const version = organization[0]?.version
  if (version === undefined) throw new Problem('organization_not_found')
  await publishVersion(deps, organizationVersionKey(organizationId), version)
}
