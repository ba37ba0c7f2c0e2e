import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import { holdMeters } from '../../db/hold-meters.ts'
import { toFamily } from '../../db/plan-version.ts'
import { FIRST_PLAN } from '../../db/schema/shapes.ts'
import type { ManagementDeps } from '../../deps.ts'
import { cutText } from '../../http/text-field.ts'
import { slugFor } from '../../lib/slug.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { changeCustomer } from './change.ts'
import { externalIdTaken } from './external-id-taken.ts'
import { customMetersIn, type Limits, withLimits, withoutNulls } from './limits.ts'
import { toAdminOrganization } from './organization.ts'
import { findByExternalId, insertCustomer, type OrganizationView } from './queries.ts'
import { resolvePlan } from './require-plan.ts'
import type { CustomerUpsert, NewCustomer } from './schemas.ts'

type CustomerInput = Omit<z.output<typeof CustomerUpsert>, 'limits'> & {
  readonly limits?: Limits
  readonly external_id?: string | undefined
}

/**
 * Creates an organization without members, for a customer whose users the operator manages.
 *
 * @throws Problem `external_id_taken`, `invalid_request` naming `plan` if there is no such plan
 */
export async function createCustomer(
  deps: ManagementDeps,
  operator: Operator,
  input: z.output<typeof NewCustomer>,
): Promise<OrganizationView> {
  const plan = await resolvePlan(deps, input.plan)
  const organization = toRow(deps, { ...(await withLimits(deps, input)), plan })
  const kept = await keepAnswer(deps, 201, toAdminOrganization(organization))
  const done = await tryBatch(deps.db, {
    meters: holdMeters(deps.db, customMetersIn(organization.limitOverrides)),
    organization: insertCustomer(deps.db, organization),
    created: requireThat(deps.db, isOrganization(organization.id)),
    audit: auditCreation(deps, operator, organization),
    answer: kept,
  })
  if (!done) throw externalIdTaken()
  return organization
}

/**
 * Creates or updates the organization with this external id. Of concurrent requests, one creates it.
 *
 * @throws Problem `invalid_request` naming `plan` if there is no such plan
 */
export async function upsertCustomer(
  deps: ManagementDeps,
  operator: Operator,
  externalId: string,
  input: z.output<typeof CustomerUpsert>,
): Promise<{ readonly created: boolean; readonly organization: OrganizationView }> {
  const found = await findByExternalId(deps.db, externalId)
  const made = found
    ? undefined
    : await tryCreate(deps, operator, { ...(await withLimits(deps, input)), external_id: externalId })
  if (made) return { created: true, organization: made }
  const organization = found ?? (await findByExternalId(deps.db, externalId))
  if (!organization) throw new Problem('unavailable', { detail: 'The organization is being deleted right now.' })
  return { created: false, organization: await changeCustomer(deps, operator, organization.id, input) }
}

/** @returns undefined if another request was faster */
async function tryCreate(
  deps: ManagementDeps,
  operator: Operator,
  input: CustomerInput,
): Promise<OrganizationView | undefined> {
  const organization = toRow(deps, { ...input, plan: await resolvePlan(deps, input.plan) })
  const done = await tryBatch(deps.db, {
    meters: holdMeters(deps.db, customMetersIn(organization.limitOverrides)),
    organization: insertCustomer(deps.db, organization),
    created: requireThat(deps.db, isOrganization(organization.id)),
    audit: auditCreation(deps, operator, organization),
  })
  return done && organization
}

function toRow(deps: ManagementDeps, input: CustomerInput): OrganizationView {
  const now = deps.now()
  const { external_id: externalId = null, email = null, metadata = {}, plan = FIRST_PLAN, limits = {} } = input
  const name = input.name ?? cutText(externalId ?? '', 200)
  return {
    id: uuidv7(now),
    externalId,
    name,
    slug: slugFor(name),
    email,
    metadata,
    planId: plan,
    isPlatform: false,
    isPersonal: false,
    limitOverrides: withoutNulls(limits),
    status: 'active',
    suspendedAt: null,
    suspendedReason: null,
    createdAt: new Date(now),
    memberCount: 0,
  }
}

function auditCreation(
  deps: ManagementDeps,
  operator: Operator,
  { id, name, slug, externalId, planId }: OrganizationView,
) {
  return audited(deps, {
    action: 'organization.created',
    actor: operator,
    organizationId: id,
    target: { type: 'organization', id },
    detail: { name, slug, plan: toFamily(planId), ...(externalId !== null && { external_id: externalId }) },
  })
}
