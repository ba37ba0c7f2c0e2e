import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { recordBeforeLeaving } from '../../billing/overage/job.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization, isPlan } from '../../db/conditions.ts'
import { holdMeters } from '../../db/hold-meters.ts'
import { lockOrganization, lockPlan } from '../../db/locks.ts'
import { toFamily } from '../../db/plan-version.ts'
import type { ManagementDeps } from '../../deps.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersion } from '../../limits/versions.ts'
import { Problem } from '../../problems.ts'
import { orExternalIdTaken } from './external-id-taken.ts'
import { customMetersIn, formatLimits, type Limits, withLimits, withoutNulls } from './limits.ts'
import { getOrganization } from './organization.ts'
import { type OrganizationView, selectVersion, updateOrganization } from './queries.ts'
import { resolvePlan } from './require-plan.ts'
import type { CustomerChange } from './schemas.ts'

type Change = Omit<z.output<typeof CustomerChange>, 'limits'> & { readonly limits?: Limits }

/**
 * Changes only the named fields of an organization: all or nothing, effective everywhere within two seconds.
 *
 * @throws Problem `organization_not_found`, `platform_organization`, `external_id_taken`, `invalid_request` naming `plan`
 *   if there is no such plan
 */
export async function changeCustomer(
  deps: ManagementDeps,
  operator: Operator,
  organizationId: string,
  input: z.output<typeof CustomerChange>,
): Promise<OrganizationView> {
  const before = await getOrganization(deps, organizationId)
  if (before.isPlatform) throw new Problem('platform_organization')
  const changes = differing(before, await withLimits(deps, input))
  const version =
    Object.keys(changes).length === 0
      ? await selectVersion(deps.db, organizationId) // publish again: the first request may have failed before that
      : await write(deps, operator, before, changes)
  if (version !== undefined) await publishVersion(deps, organizationVersionKey(organizationId), version)
  return getOrganization(deps, organizationId)
}

/** Selects the fields of the input that differ from the stored ones. */
function differing(before: OrganizationView, { limits, ...input }: Change): Change {
  const now: Record<string, unknown> = {
    name: before.name,
    email: before.email,
    metadata: before.metadata,
    plan: toFamily(before.planId),
    external_id: before.externalId,
  }
  const isOther = ([field, value]: [string, unknown]) =>
    value !== undefined && canonicalJson(value) !== canonicalJson(now[field])
  const isOtherLimits =
    limits &&
    canonicalJson(withoutNulls({ ...before.limitOverrides, ...limits })) !== canonicalJson(before.limitOverrides)
  return { ...Object.fromEntries(Object.entries(input).filter(isOther)), ...(isOtherLimits && { limits }) }
}

async function write(deps: ManagementDeps, operator: Operator, before: OrganizationView, changes: Change) {
  const { db } = deps
  const { id } = before
  const plan = await resolvePlan(deps, changes.plan)
  if (plan !== undefined || changes.limits) await recordBeforeLeaving(deps, id)
  const { organization } = await orExternalIdTaken(
    runBatch(db, {
      lockPlan: plan === undefined ? undefined : lockPlan(db, plan),
      meters: holdMeters(db, customMetersIn(changes.limits)),
      lock: lockOrganization(db, id),
      found: requireThat(db, isOrganization(id), 'organization_not_found'),
      plan: plan === undefined ? undefined : requireThat(db, isPlan(plan), 'plan_not_found'),
      audit: auditRows(deps, operator, before, changes),
      organization: updateOrganization(db, id, { ...changes, plan }),
    }),
  )
  return organization[0]?.version
}

/** One row per kind of change, as if they were made separately. */
function auditRows(deps: ManagementDeps, operator: Operator, before: OrganizationView, changes: Change) {
  const { plan, limits, ...rest } = changes
  const entry = { actor: operator, organizationId: before.id, target: { type: 'organization', id: before.id } } as const
  const changed = Object.keys(rest)
  return [
    ...(plan === undefined
      ? []
      : [
          audited(deps, {
            ...entry,
            action: 'admin.plan_changed',
            detail: { from: toFamily(before.planId), to: plan },
          }),
        ]),
    ...(limits === undefined
      ? []
      : [
          audited(deps, {
            ...entry,
            action: 'organization.limits_changed',
            detail: { limits: formatLimits(limits) },
          }),
        ]),
    ...(changed.length === 0 ? [] : [audited(deps, { ...entry, action: 'organization.updated', detail: { changed } })]),
  ]
}
