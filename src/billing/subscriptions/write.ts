import { type SQL, sql } from 'drizzle-orm'
import { audited, type Entry } from '../../audit/record.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization, lockPayment, lockPlan } from '../../db/locks.ts'
import type { Database } from '../../db/orm.ts'
import type { ManagementDeps } from '../../deps.ts'
import { organizationVersionKey } from '../../limits/limit-request.ts'
import { publishVersion } from '../../limits/versions.ts'

import { publishChanged, takeBackSteps } from '../credits/settle.ts'
import type { finishEvent } from '../webhooks/queries.ts'
import type { Context, Decision, Ignored, News } from './decide.ts'
import { isStill, setCurrent, unsetCurrent, updateOrganization, upsertSubscription } from './queries.ts'
import { isReversedStill } from './refund-queries.ts'
import type { Refund } from './refunds.ts'
import { isTrial } from './rules.ts'

type Statement = Parameters<Database['batch']>[0][number]

/**
 * Writes the decision, and marks its event as done, in one batch; then publishes a change of plan to every isolate.
 * Unchanged rows are not written.
 *
 * @returns undefined if the organization has changed since the decision; then nothing is written
 */
export async function writeDecision(
  deps: ManagementDeps,
  cause: JudgedCause,
  context: Context,
  decided: Decision,
): Promise<Outcome | undefined> {
  const { organizationId } = decided.row
  const isChanged = decided.changed.length > 0 || decided.planId !== undefined || decided.booking !== undefined
  const idle = decided.unknownProduct === undefined ? 'unchanged' : 'unknown_product'
  const outcome: Outcome = { what: isChanged ? 'applied' : idle, organizationId }
  const alsoWrite = cause.alsoWrite?.(outcome)
  if (!isChanged) {
    await alsoWrite
    return outcome
  }
  return (await writeBatch(deps, { cause, context, decided, alsoWrite })) ? outcome : undefined
}

/** A cause with what was known of the refund when it was decided about. */
type JudgedCause = Omit<Cause, 'refund'> & Pick<News, 'refund'>

interface Writing {
  readonly cause: JudgedCause
  readonly context: Context
  readonly decided: Decision
  readonly alsoWrite: FinishEvent | undefined
}

/** @returns false if nothing was written */
async function writeBatch(deps: ManagementDeps, { cause, context, decided, alsoWrite }: Writing): Promise<boolean> {
  const { row, planId, takesCredits } = decided
  const changed = changesOfOrganization(deps, decided)
  const { refund } = cause
  const done = await tryBatch(deps.db, {
    payment: refund && lockPayment(deps.db, { provider: row.provider, paymentId: refund.paymentId }), // before all rows
    lockPlan: lockPlan(deps.db, planId ?? row.planId), // before the organization: see db/locks.ts
    lock: lockOrganization(deps.db, row.organizationId),
    unchanged: requireThat(deps.db, isUnchanged(context, row, refund)),
    ...(takesCredits && takeBackSteps(deps.db, { ...row, trialStart: trialStart(row) }, deps.now())),
    organization: changed ? updateOrganization(deps.db, row.organizationId, changed) : undefined,
    rows: rows(deps, decided),
    audit: buildEntries(cause, context, decided).map((entry) => audited(deps, entry)),
    also: alsoWrite,
  })
  if (!done) return false
  const { organization: [updated] = [], settled, taken } = done
  await publishChanged(deps, settled && taken ? [...settled.rows, ...taken.rows] : [])
  if (updated) await publishVersion(deps, organizationVersionKey(row.organizationId), updated.version)
  return true
}

const trialStart = (row: Decision['row']) => (isTrial(row) ? row.currentPeriodStart : null)

/** Whether nobody else has written meanwhile what the decision was made of. */
function isUnchanged(context: Context, { provider }: Decision['row'], refund: JudgedCause['refund']): SQL {
  if (!refund) return isStill(context)
  return sql`${isStill(context)} and ${isReversedStill(provider, refund, refund.reversed)}`
}

/** A new subscription can move the start of usage periods to its own. */
function changesOfOrganization({ config }: ManagementDeps, { known, row, planId, booking }: Decision) {
  const isBeginning = config.USAGE_PERIODS === 'subscription' && row.isCurrent && !known?.isCurrent
  const periodAnchor = isBeginning ? (row.currentPeriodStart ?? undefined) : undefined
  return planId === undefined && !booking && !periodAnchor ? undefined : { planId, booking, periodAnchor }
}

/** In this order, never more than one decides. */
function rows(deps: ManagementDeps, { row, currentId }: Decision): Statement[] {
  const isOther = currentId !== undefined && currentId !== row.id
  return [
    unsetCurrent(deps.db, row.organizationId, currentId),
    upsertSubscription(deps.db, row, new Date(deps.now())),
    ...(isOther ? [setCurrent(deps.db, row.organizationId, currentId)] : []),
  ]
}

function buildEntries(cause: JudgedCause, context: Context, decided: Decision): Entry[] {
  const change = decided.changed.length > 0 ? [changeEntry(cause, decided)] : []
  return decided.planId === undefined ? change : [...change, planEntry(cause, context, decided)]
}

/** No user is signed in: the cause is the provider, or time. */
const NO_ACTOR = { actor: undefined } as const

function changeEntry(cause: JudgedCause, { known, row, changed }: Decision): Entry {
  const { provider, providerSubscriptionId, status, planId, cancelAtPeriodEnd, currentPeriodEnd, endedAt } = row
  return {
    ...NO_ACTOR,
    action: 'billing.subscription_changed',
    organizationId: row.organizationId,
    target: { type: 'subscription', id: row.id },
    detail: {
      because: cause.because,
      provider,
      provider_subscription_id: providerSubscriptionId,
      ...(known && { from: { status: known.status, plan: known.planId }, changed }),
      to: {
        status,
        plan: planId,
        interval: row.interval,
        currency: row.currency,
        seats: row.seats,
        addons: row.addons,
        cancel_at_period_end: cancelAtPeriodEnd,
        current_period_end: currentPeriodEnd?.toISOString() ?? null,
        ended_at: endedAt?.toISOString() ?? null,
      },
    },
  }
}

function planEntry(cause: JudgedCause, { organization }: Context, { row, planId }: Decision): Entry {
  return {
    ...NO_ACTOR,
    action: 'billing.plan_changed',
    organizationId: row.organizationId,
    target: { type: 'organization', id: row.organizationId },
    detail: { because: cause.because, from: organization?.planId, to: planId, status: row.status },
  }
}

type FinishEvent = ReturnType<typeof finishEvent>

export interface Cause {
  readonly subscriptionId: string
  /** A refund or a dispute that an event reports, or the end of one that took nothing after all. */
  readonly refund?: Refund | undefined
  /** The version of a plan that the customer has just chosen: the newest, also if an older one was planned before. */
  readonly chosenPlanId?: string | undefined
  /** The customer was deleted at the provider. A subscription that the provider no longer finds has ended. */
  readonly isGone?: boolean
  /** The event's id, or the job's name, for the audit log. */
  readonly because: string
  /** Runs in the same batch, or alone if nothing changes: marks an event as done. */
  alsoWrite?(outcome: Outcome): FinishEvent
}

export interface Outcome {
  readonly what: 'applied' | 'unchanged' | 'not_found' | Ignored
  readonly organizationId: string | undefined
}
