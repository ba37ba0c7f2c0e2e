import type * as z from 'zod'
import { keepAnswer } from '../api/idempotency.ts'
import { audited } from '../audit/record.ts'
import { requireNamed } from '../auth/named-organization.ts'
import { requireCustomer } from '../auth/organization-access.ts'
import type { Operator } from '../auth/principal.ts'
import { runBatch } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { base64url, randomBytes, sha256 } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem } from '../problems.ts'
import { findSuspension, insertSession } from './queries.ts'
import type { NewPortalSession, PortalLink } from './schemas.ts'

const LINK_TTL_MS = 15 * 60_000

/**
 * Creates a one-time link that opens an organization's portal for a person whom the back end has signed in.
 *
 * @throws Problem `service_key_only`, because a session ends with the key that created it; `organization_unnamed`,
 *   `organization_not_found`, `organization_mismatch`, `organization_suspended`
 */
export async function openPortalSession(
  deps: ManagementDeps,
  operator: Operator,
  { organization_id, external_id, scopes, return_url }: z.output<typeof NewPortalSession>,
): Promise<z.output<typeof PortalLink>> {
  if (operator.kind !== 'service' || operator.keyId === null) throw new Problem('service_key_only')
  const organizationId = await requireNamed(deps, { organization_id, external_id })
  requireCustomer(operator, organizationId)
  await requireOpen(deps, organizationId)
  const now = deps.now()
  const token = `pt_${base64url(randomBytes(32))}`
  const session = {
    id: uuidv7(now),
    organizationId,
    serviceKeyId: operator.keyId,
    onBehalfOf: operator.onBehalfOf,
    tokenHash: sha256(token),
    scopes,
    returnUrl: return_url ?? null,
    createdAt: new Date(now),
    expiresAt: new Date(now + LINK_TTL_MS),
  }
  const url = `${deps.config.PUBLIC_URL}/dashboard/portal#token=${token}`
  const link = { url, expires_at: session.expiresAt.toISOString() }
  await runBatch(deps.db, {
    session: insertSession(deps.db, session),
    audit: audited(deps, {
      action: 'portal.session_created',
      actor: operator,
      organizationId,
      target: { type: 'portal_session', id: session.id },
      detail: { scopes },
    }),
    answer: await keepAnswer(deps, 201, link),
  })
  return link
}

async function requireOpen({ db }: ManagementDeps, organizationId: string): Promise<void> {
  const isSuspended = await findSuspension(db, organizationId)
  if (isSuspended === undefined) throw new Problem('organization_not_found')
  if (isSuspended) throw new Problem('organization_suspended')
}
