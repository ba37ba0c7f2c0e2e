import { and, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { billingUsageLedger } from '../../db/schema/billing-usage.ts'
import type { ManagementDeps } from '../../deps.ts'

/** Rows that no run of the job sends any more. A person checks the provider's own figures, and decides. */
const STUCK = ['refused', 'unknown'] as const

/** Whether a row in this state waits for a person. */
export const isStuckState = (state: string) => STUCK.some((one) => one === state)

/** The row under whose identifier a row is sent: an invoice item of Stripe's is resolved whole. */
const leader = sql`coalesce(${billingUsageLedger.chargedWith}, ${billingUsageLedger.identifier})`

const isStuck = (organizationId: string, identifier: string): SQL | undefined =>
  and(
    eq(billingUsageLedger.organizationId, organizationId),
    inArray(billingUsageLedger.state, [...STUCK]),
    eq(leader, identifier),
  )

const ACTIONS = { resend: 'admin.ledger_resent', write_off: 'admin.ledger_written_off' } as const

/** What becomes of rows, and why. */
export interface Resolution {
  readonly action: keyof typeof ACTIONS
  readonly reason: string | undefined
}

/** What a resolution changes in a row. */
export const changesFor = ({ action, reason }: Resolution) =>
  action === 'resend'
    ? ({ state: 'pending', attempts: 0, attemptedAt: null, error: null } as const)
    : ({ state: 'written_off', error: reason ?? null } as const)

/** Rows at Stripe wait for another invoice item, under another key: Stripe repeats its answer to a key that it knows. */
const AGAIN = {
  chargedWith: sql`case when ${billingUsageLedger.provider} = 'polar' then ${billingUsageLedger.identifier} end`,
  amountCents: null,
  providerSubscriptionId: null,
  generation: sql`${billingUsageLedger.generation} + 1`,
}

interface Resolving {
  readonly actor: Principal
  readonly organizationId: string
  /** Of the row that leads. */
  readonly identifier: string
  readonly resolution: Resolution
  /** Statements that keep the answer for repeats. */
  readonly answer: readonly Statement[]
}

/**
 * Has a row sent again, or writes it off, with all that it leads.
 *
 * @throws Problem `ledger_row_not_found` for one that is not stuck
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
