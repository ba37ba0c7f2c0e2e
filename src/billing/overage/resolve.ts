import { and, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { billingUsageLedger } from '../../db/schema/billing-usage.ts'
import type { ManagementDeps } from '../../deps.ts'

/** Rows that the job no longer sends. A person checks the provider's figures and decides. */
const STUCK = ['refused', 'unknown'] as const

/** Whether a row in this state waits for a person. */
export const isStuckState = (state: string) => STUCK.some((one) => one === state)

/** The row whose identifier a row is sent under. An invoice item at Stripe is resolved as a whole. */
const leader = sql`coalesce(${billingUsageLedger.chargedWith}, ${billingUsageLedger.identifier})`

const isStuck = (organizationId: string, identifier: string): SQL | undefined =>
  and(
    eq(billingUsageLedger.organizationId, organizationId),
    inArray(billingUsageLedger.state, [...STUCK]),
    eq(leader, identifier),
  )

const ACTIONS = { resend: 'admin.ledger_resent', write_off: 'admin.ledger_written_off' } as const

/** The decision about rows, and the reason for it. */
export interface Resolution {
  readonly action: keyof typeof ACTIONS
  readonly reason: string | undefined
}

/** The columns that each resolution changes. */
export const changesFor = ({ action, reason }: Resolution) =>
  action === 'resend'
    ? ({ state: 'pending', attempts: 0, attemptedAt: null, error: null } as const)
    : ({ state: 'written_off', error: reason ?? null } as const)

/** Rows at Stripe wait for a new invoice item with a new key, because Stripe repeats its answer to a known key. */
const AGAIN = {
  chargedWith: sql`case when ${billingUsageLedger.provider} = 'polar' then ${billingUsageLedger.identifier} end`,
  amountCents: null,
  providerSubscriptionId: null,
  generation: sql`${billingUsageLedger.generation} + 1`,
}

interface Resolving {
  readonly actor: Principal
  readonly organizationId: string
  /** The identifier of the first row. */
  readonly identifier: string
  readonly resolution: Resolution
  /** Statements that store the answer for idempotent retries. */
  readonly answer: readonly Statement[]
}

/**
 * Resends a row or writes it off, together with all rows of its invoice item.
 *
 * @throws Problem `ledger_row_not_found` for a row that is not stuck
 */
export async function resolveStuck(
  deps: ManagementDeps,
  { actor, organizationId, identifier, resolution, answer }: Resolving,
): Promise<void> {
  const stuck = isStuck(organizationId, identifier)
  const { action, reason } = resolution
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    found: requireThat(
      deps.db,
      sql`exists (select 1 from ${billingUsageLedger} where ${stuck})`,
      'ledger_row_not_found',
    ),
    audit: audited(deps, {
      action: ACTIONS[action],
      actor,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { identifiers: [identifier], ...(reason !== undefined && { reason }) },
    }),
    rows: deps.db
      .update(billingUsageLedger)
      .set({ ...changesFor(resolution), ...(action === 'resend' && AGAIN), claimedUntil: null })
      .where(stuck),
    answer,
  })
}
