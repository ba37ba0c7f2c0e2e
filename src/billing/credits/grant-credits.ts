import { sql } from 'drizzle-orm'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { isOrganization } from '../../db/conditions.ts'
import type { CreditSource } from '../../db/schema/credits.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatUsd } from '../../lib/usd.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { recordOverage } from '../overage/job.ts'
import { addGrant } from './grant.ts'
import type { GrantRow } from './queries.ts'
import { toGrant } from './serialize.ts'
import { publishChanged, settlementSteps } from './settle.ts'

interface GrantAct {
  readonly operator: Operator
  readonly organizationId: string
  readonly input: {
    readonly amount: string
    readonly reason: string
    readonly source: CreditSource
    readonly priority: number
    readonly expires_at?: string | undefined
  }
}

const isCustomer = (organizationId: string) =>
  sql`exists (select 1 from organizations o where o.id = ${organizationId}::uuid and not o.is_platform)`

/** @throws Problem `organization_not_found`, `platform_organization` */
export async function grantCredits(
  deps: ManagementDeps,
  { operator, organizationId, input }: GrantAct,
): Promise<GrantRow> {
  const { db } = deps
  const now = deps.now()
  const { amount, source, priority, reason, expires_at: expiresAt } = input
  if (expiresAt !== undefined && Date.parse(expiresAt) <= now)
    throw new Problem('invalid_request', { errors: [{ path: 'body.expires_at', message: 'must lie ahead' }] })
  const id = uuidv7(now)
  const row: GrantRow = {
    id,
    amount,
    remaining: amount,
    priority,
    source,
    reason,
    rolled_over: null,
    expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    revoked_at: null,
    created_at: new Date(now).toISOString(),
  }
  await recordOverage(deps, now, organizationId) // from the first grant on credits pay for calls
  const { settled, renewed, granted } = await runBatch(db, {
    ...settlementSteps(db, organizationId, now),
    found: requireThat(db, isOrganization(organizationId), 'organization_not_found'),
    customer: requireThat(db, isCustomer(organizationId), 'platform_organization'),
    granted: addGrant(db, { ...input, id, ledgerId: uuidv7(now), organizationId, expiresAt, at: new Date(now) }),
    audit: audited(deps, {
      action: 'admin.credits_granted',
      actor: operator,
      organizationId,
      target: { type: 'credit_grant', id },
      detail: { amount_usd: formatUsd(amount), source, reason, expires_at: row.expires_at },
    }),
    answer: await keepAnswer(deps, 201, toGrant(row)),
  })
  await publishChanged(deps, [...settled.rows, ...renewed.rows, ...granted.rows])
  return row
}
