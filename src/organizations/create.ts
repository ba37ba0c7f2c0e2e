import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import { runBatch } from '../db/batch.ts'
import { brokenConstraint } from '../db/client.ts'
import { FIRST_PLAN } from '../db/schema/shapes.ts'
import type { ManagementDeps } from '../deps.ts'
import { slugFor } from '../lib/slug.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { toOrganization } from './organization.ts'
import { insertOrganization, type OrganizationView } from './queries.ts'
import type { NewOrganization } from './schemas.ts'

/** Creates an organization that the user owns. @throws Problem `rate_limited`, `slug_taken` */
export async function createOrganization(
  deps: ManagementDeps,
  user: UserPrincipal,
  { name, slug = slugFor(name) }: z.output<typeof NewOrganization>,
): Promise<OrganizationView> {
  await enforceRateLimits(deps, { organization_create: { account: user.userId } })
  const now = deps.now()
  const id = uuidv7(now)
  const createdAt = new Date(now)
  const row = { id, name, slug, planId: FIRST_PLAN, createdAt }
  const created: OrganizationView = {
    ...row,
    externalId: null,
    role: 'owner',
    isPersonal: false,
    isPlatform: false,
    requiresTwoFactor: false,
    suspendedAt: null,
    memberCount: 1,
  }
  const kept = await keepAnswer(deps, 201, toOrganization(created, user.organizationId))
  await orSlugTaken(
    runBatch(deps.db, {
      organization: insertOrganization(deps.db, row, user.userId),
      audit: audited(deps, {
        action: 'organization.created',
        actor: user,
        organizationId: id,
        target: { type: 'organization', id },
        detail: { name, slug },
      }),
      answer: kept,
    }),
  )
  return created
}

/** @throws Problem `slug_taken` if the batch violated the unique slug */
export async function orSlugTaken<T>(batch: Promise<T>): Promise<T> {
  try {
    return await batch
  } catch (error) {
    if (brokenConstraint(error) !== 'organizations_slug_unique') throw error
    throw new Problem('slug_taken', { errors: [{ path: 'body.slug', message: 'is taken' }] })
  }
}
