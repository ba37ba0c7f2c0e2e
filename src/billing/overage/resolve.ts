import { and, asc, eq, inArray, type SQL, sql } from 'drizzle-orm'
import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch, type Statement } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { billingUsageLedger } from '../../db/schema/billing-usage.ts'
import type { ManagementDeps } from '../../deps.ts'
import type { LedgerRows } from '../schemas.ts'
import { toUsd } from './money.ts'

const MAX_ROWS = 500
/** Rows that no run of the job sends any more. A person checks the provider's own figures, and decides. */
const STUCK = ['refused', 'unknown'] as const

/** Whether a row in this state waits for a person. */
export const isStuckState = (state: string) => STUCK.some((one) => one === state)

/** The row under whose identifier a row is sent: an invoice item of Stripe's is resolved whole. */
const leader = sql`coalesce(${billingUsageLedger.chargedWith}, ${billingUsageLedger.identifier})`
const isLeading = sql`${leader} = ${billingUsageLedger.identifier}`

const isStuck = (organizationId: string, identifiers?: readonly string[]): SQL | undefined =>
  and(
    eq(billingUsageLedger.organizationId, organizationId),
    inArray(billingUsageLedger.state, [...STUCK]),
    identifiers && inArray(leader, [...identifiers]),
  )

const sumWith = (column: 'units' | 'amount_micro_usd') =>
  sql<string>`(select sum(m.${sql.identifier(column)}) from billing_usage_ledger m
    where m.identifier = billing_usage_ledger.identifier or m.charged_with = billing_usage_ledger.identifier)`

/** What the provider refused of an organization's overage, or may or may not have, the oldest first. */
export async function listStuck(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof LedgerRows>> {
  const rows = await deps.db
    .select({ row: billingUsageLedger, units: sumWith('units'), microUsd: sumWith('amount_micro_usd') })
    .from(billingUsageLedger)
    .where(and(isStuck(organizationId), isLeading))
    .orderBy(asc(billingUsageLedger.createdAt), asc(billingUsageLedger.identifier))
    .limit(MAX_ROWS)
  const data = rows.map(({ row, units, microUsd }) => ({
    identifier: row.identifier,
    provider: row.provider,
    meter: row.meter,
    period_start: row.periodStart.toISOString(),
    units: Number(units),
    amount_usd: toUsd(BigInt(microUsd)),
    state: row.state,
    attempts: row.attempts,
    error: row.error,
  }))
  return { data, next_cursor: null }
}

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
  readonly identifiers: readonly string[]
  readonly resolution: Resolution
  /** Statements that keep the answer for repeats. */
  readonly answer?: readonly Statement[]
}

/**
 * Has rows sent again, or writes them off, with all that they lead: all that are named, or none.
 *
 * @throws Problem `ledger_row_not_found`
 */
export async function resolveStuck(
  deps: ManagementDeps,
  { actor, organizationId, identifiers, resolution, answer = [] }: Resolving,
): Promise<void> {
  const named = [...new Set(identifiers)]
  const stuck = isStuck(organizationId, named)
  const { action, reason } = resolution
  const areAllStuck = sql`(select count(*) from ${billingUsageLedger} where ${and(stuck, isLeading)}) = ${named.length}::int`
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    found: requireThat(deps.db, areAllStuck, 'ledger_row_not_found'),
    audit: audited(deps, {
      action: ACTIONS[action],
      actor,
      organizationId,
      target: { type: 'organization', id: organizationId },
      detail: { identifiers: named, ...(reason !== undefined && { reason }) },
    }),
    rows: deps.db
      .update(billingUsageLedger)
      .set({ ...changesFor(resolution), ...(action === 'resend' && AGAIN), claimedUntil: null })
      .where(stuck),
    answer,
  })
}
