import { sql } from 'drizzle-orm'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import type { ManagementDeps } from '../../deps.ts'
import { formatUsd, toNanoUsd, toUsd } from '../../lib/usd.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { changeGrant } from './grant.ts'
import { type GrantRow, selectGrant } from './queries.ts'
import { toGrant } from './serialize.ts'
import { publishChanged, settleCredits, settlementSteps } from './settle.ts'

/** Retries when the grant is being spent concurrently. More than this many in a row is a fault. */
const MAX_ATTEMPTS = 6

interface GrantAct {
  readonly operator: Operator
  readonly organizationId: string
  readonly grantId: string
  readonly reason: string
}

/** Takes back the remainder of a grant. Idempotent. @throws Problem `credit_grant_not_found` */
export function revokeCredits(deps: ManagementDeps, act: GrantAct): Promise<GrantRow> {
  return change(deps, act, (grant, now) => {
    if (grant.revoked_at !== null) return undefined
    return {
      kind: 'revoke',
      amount: -toNanoUsd(grant.remaining),
      after: { ...grant, remaining: '0', revoked_at: new Date(now).toISOString() },
    }
  })
}

/**
 * Changes the amount of a grant, up or down. It never falls below the amount already spent.
 *
 * @throws Problem `credit_grant_not_found`, `credit_grant_ended` for one that was revoked or has expired,
 *   `credit_grant_spent` when less is left
 */
export function correctCredits(deps: ManagementDeps, act: GrantAct & { readonly amount: string }): Promise<GrantRow> {
  const amount = toNanoUsd(act.amount)
  return change(deps, act, (grant, now) => {
    const hasExpired = grant.expires_at !== null && Date.parse(grant.expires_at) <= now
    if (grant.revoked_at !== null || hasExpired) throw new Problem('credit_grant_ended')
    const remaining = toNanoUsd(grant.remaining) + amount
    if (remaining < 0n)
      throw new Problem('credit_grant_spent', { detail: `${formatUsd(grant.remaining)} is left of the grant.` })
    const after = {
      ...grant,
      remaining: toUsd(remaining),
      amount: toUsd(toNanoUsd(grant.amount) + amount),
      rolled_over: grant.rolled_over && toUsd(toNanoUsd(grant.rolled_over) + amount),
    }
    return { kind: 'correct', amount, after }
  })
}

interface Change {
  readonly kind: 'revoke' | 'correct'
  /** Nano-dollars to add to the remainder. */
  readonly amount: bigint
  /** The grant afterwards. */
  readonly after: GrantRow
}

/** @param decide what to change; undefined if it is already done */
async function change(
  deps: ManagementDeps,
  act: GrantAct,
  decide: (grant: GrantRow, now: number) => Change | undefined,
): Promise<GrantRow> {
  return retryUntilDone(
    async () => {
      await settleCredits(deps, act.organizationId)
      const { rows } = await selectGrant(deps.db, act.organizationId, act.grantId)
      const [grant] = rows
      if (!grant) throw new Problem('credit_grant_not_found')
      const now = deps.now()
      const decided = decide(grant, now)
      if (!decided) return grant
      return (await write(deps, act, grant, { ...decided, now })) ? decided.after : undefined
    },
    { subject: 'The credit balance', max: MAX_ATTEMPTS },
  )
}

/** @returns false if the grant has changed since it was read; then nothing was written */
async function write(
  deps: ManagementDeps,
  act: GrantAct,
  grant: GrantRow,
  decided: Change & { readonly now: number },
): Promise<boolean> {
  const { db } = deps
  const { operator, organizationId, grantId, reason } = act
  const { kind, after, now } = decided
  const amount = toUsd(decided.amount)
  const isStill = sql`exists (select 1 from credit_grants g
    where g.id = ${grantId}::uuid and g.organization_id = ${organizationId}::uuid and g.revoked_at is null
      and g.remaining = ${grant.remaining}::numeric and g.amount = ${grant.amount}::numeric)`
  const done = await tryBatch(db, {
    ...settlementSteps(db, organizationId, now),
    unchanged: requireThat(db, isStill),
    changed: changeGrant(db, {
      ledgerId: uuidv7(now),
      organizationId,
      grantId,
      kind,
      amount,
      reason,
      at: new Date(now),
    }),
    audit: audited(deps, {
      action: kind === 'revoke' ? 'admin.credits_revoked' : 'admin.credits_corrected',
      actor: operator,
      organizationId,
      target: { type: 'credit_grant', id: grantId },
      detail: { amount_usd: formatUsd(amount), reason },
    }),
    answer: await keepAnswer(deps, 200, toGrant(after)),
  })
  if (done) await publishChanged(deps, [...done.settled.rows, ...done.renewed.rows, ...done.changed.rows])
  return done !== undefined
}
