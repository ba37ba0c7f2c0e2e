import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import type { AuditAction } from '../../audit/actions.ts'
import { audited } from '../../audit/record.ts'
import { requireHoldsAll } from '../../auth/organization-access.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { ROLES } from '../../auth/roles.ts'
import { requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ManagementDeps } from '../../deps.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { buildLockSteps } from '../lock-steps.ts'
import { getDomain, toDomain } from './domain.ts'
import {
  type DomainRef,
  type DomainRow,
  deleteDomain,
  hasRoom,
  insertDomain,
  isOwnDomain,
  updateDomain,
} from './queries.ts'
import type { DomainChange, NewDomain } from './schemas.ts'

const MAX_DOMAINS = 20

/**
 * Claims a domain for an organization. The claim takes effect once the domain's record is found.
 *
 * @throws Problem `domain_known`, `domain_limit_reached`
 */
export async function addDomain(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  { domain, join_role: joinRole = null }: z.output<typeof NewDomain>,
): Promise<DomainRow> {
  requireMayLetIn(user, organizationId, joinRole)
  const now = deps.now()
  const token = crypto.randomUUID().replaceAll('-', '')
  const fresh = { verifiedAt: null, checkedAt: null, missed: 0, createdAt: new Date(now) }
  const row: DomainRow = { id: uuidv7(now), organizationId, domain, token, joinRole, ...fresh }
  const answer = await keepAnswer(deps, 201, toDomain(row))
  try {
    await runBatch(deps.db, {
      ...buildLockSteps(deps, user, organizationId, 'organization:write'),
      room: requireThat(deps.db, hasRoom(organizationId, MAX_DOMAINS), 'domain_limit_reached'),
      audit: domainActed(deps, user, row, { action: 'domain.added', detail: { domain, join_role: joinRole } }),
      domain: insertDomain(deps.db, row),
      answer,
    })
  } catch (error) {
    if (brokenConstraint(error) !== 'organization_domains_own_unique') throw error
    throw new Problem('domain_known', {
      errors: [{ path: 'body.domain', message: 'is one of this organization already' }],
    })
  }
  return row
}

/** Changes whether, and in which role, users of a domain can join. @throws Problem `domain_not_found` */
export async function changeDomain(
  deps: ManagementDeps,
  user: UserPrincipal,
  ref: DomainRef,
  { join_role: joinRole }: z.output<typeof DomainChange>,
): Promise<DomainRow> {
  requireMayLetIn(user, ref.organizationId, joinRole)
  const before = await getDomain(deps, ref)
  const detail = { domain: before.domain, from: { join_role: before.joinRole }, to: { join_role: joinRole } }
  await act(deps, user, before, {
    audit: domainActed(deps, user, before, { action: 'domain.updated', detail }),
    effects: [updateDomain(deps.db, ref, { joinRole })],
  })
  return { ...before, joinRole }
}

/** From then on, nobody can join by the domain. Members stay. @throws Problem `domain_not_found` */
export async function removeDomain(deps: ManagementDeps, user: UserPrincipal, ref: DomainRef): Promise<void> {
  const before = await getDomain(deps, ref)
  await act(deps, user, before, {
    audit: domainActed(deps, user, before, { action: 'domain.removed', detail: { domain: before.domain } }),
    effects: [deleteDomain(deps.db, ref)],
  })
}

/** Users cannot admit people in a role that allows more than their own. @throws Problem `forbidden` */
function requireMayLetIn(user: UserPrincipal, organizationId: string, role: DomainRow['joinRole']): void {
  if (role !== null) requireHoldsAll(user, organizationId, ROLES[role])
}

interface DomainSteps {
  readonly audit: Statement
  readonly effects: readonly Statement[]
}

/** Changes a domain if it still exists. @throws Problem `domain_not_found`, `organization_not_found` */
async function act(deps: ManagementDeps, user: UserPrincipal, row: DomainRow, { audit, effects }: DomainSteps) {
  await runBatch(deps.db, { ...mayChange(deps, user, row), audit, effects })
}

/** The first steps of a batch that changes a domain: lock, then require that the user still may and that the domain exists. */
export const mayChange = (deps: ManagementDeps, user: UserPrincipal, row: DomainRow) => ({
  ...buildLockSteps(deps, user, row.organizationId, 'organization:write'),
  there: requireThat(deps.db, isOwnDomain(row), 'domain_not_found'),
})

interface Acted {
  readonly action: AuditAction & `domain.${string}`
  readonly detail: Readonly<Record<string, unknown>>
}

/** @param actor undefined if a job acts */
export const domainActed = (
  deps: ManagementDeps,
  actor: UserPrincipal | undefined,
  { id, organizationId }: DomainRef,
  { action, detail }: Acted,
) => audited(deps, { action, actor, organizationId, target: { type: 'domain', id }, detail })
