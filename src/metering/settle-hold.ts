/** Ends the hold of a settlement, in the step in which its use counts in the quota and in the limits of its key. */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { reloadAllowance } from '../limits/allowance.ts'
import { CREDITS } from '../limits/credits/credits.ts'
import { endOwnHold } from '../limits/holds/end.ts'
import { releaseHold, type UsedCounter } from '../limits/holds/holds.ts'
import type { KeyAllowance, MeteredLimit } from '../limits/key-allowance.ts'
import { buildCounter } from '../limits/key-limits.ts'
import type { Recorded } from '../limits/limit-request.ts'
import { rememberRecorded } from '../limits/outage/known.ts'
import { keepUse } from '../limits/outage/late-use.ts'
import { recordUse } from '../limits/quotas.ts'
import { retryLost } from '../limits/retry.ts'
import type { SettledHold, TracedCounter, UsageEvent } from './event.ts'
import { toRecorded } from './raise-counters.ts'
import { NO_PRICES, readAmount } from './read-amount.ts'
import type { Outcome, Written } from './write.ts'

type Settlement = UsageEvent & { readonly settles: SettledHold }

export const isSettlement = (event: UsageEvent): event is Settlement => event.settles !== undefined

/** What Postgres says of the period in which the units were held: with the sums that were just written, or asked again. */
async function findRecorded(
  deps: Deps,
  { organization_id, settles }: Settlement,
  outcome: Outcome,
  { periods }: Written,
): Promise<Recorded> {
  const own = periods.find(
    (period) => period.organization_id === organization_id && periodNamed(period.period_start) === settles.period,
  )
  if (own) return toRecorded(own)
  if (outcome === 'accepted') return {}
  const { use } = await reloadAllowance(deps, organization_id)
  if (use.period.name !== settles.period) return {}
  return recordUse(use)
}

interface SettledUse {
  /** What the event's use counts in, with their limits. */
  readonly used: readonly (UsedCounter & { readonly limited: MeteredLimit })[]
  readonly written: Written
  /** Of the event among those that were written. */
  readonly at: number
  /** Set where it was written before, and nobody may have counted it: then whoever wrote it may still do that. */
  readonly repeat: { readonly xid: number } | undefined
  /** Of the event's key. */
  readonly allowance: KeyAllowance | undefined
  /** By organization: those that use credits. */
  readonly charges: ReadonlyMap<string, UsedCounter>
}

/** A balance that Redis has lost does not start without a figure of Postgres. */
const SEEDED = { isSeeded: true } as const

/**
 * A counter that units were held of counts the use where it is one of the event's key and subject. Else it is somebody
 * else's, and only loses its hold: a settlement may name another key or subject than its reservation.
 *
 * @returns whether the hold was still there. A hold that Redis did not release is released before it decides the next request
 *   of the organization in this isolate
 */
export async function settleHold(
  deps: Deps,
  event: Settlement,
  { used, at, written, repeat, allowance, charges }: SettledUse,
): Promise<boolean> {
  const outcome = written.outcomes[at] ?? 'duplicate'
  const recorded = await findRecorded(deps, event, outcome, written)
  const [xid, isNew] = [(repeat ?? written).xid, outcome === 'accepted' || repeat !== undefined]
  const { period, holdId, counters: held } = event.settles
  const [isOf, prices] = [matchCounter(event, allowance), allowance ?? NO_PRICES]
  const isOwn = (one: HeldKey) => !allowance || allowance.limits.some((limit) => isOf(limit, one))
  const counters = [
    ...held.map(({ meter, scale, name, ...counter }) => ({
      ...counter,
      limit: null,
      cost: 0,
      amount: meter === undefined || !isOwn(counter) ? 0 : readAmount(event, { meter, scale, prices }),
      xid,
      ...(name === CREDITS && (charges.get(event.organization_id) ?? SEEDED)),
    })),
    ...used.filter(({ limited }) => !held.some((one) => isOf(limited, one))),
  ]
  const organizationId = event.organization_id
  const release = { organizationId, period, holdId, recorded, counters, isNew }
  const now = deps.now()
  try {
    const wasHeld = await retryLost(deps, organizationId, () => releaseHold(deps, release))
    const wasOpen = endOwnHold(holdId, { isReleased: true, now }) // Redis does not have those that were made without it
    return wasHeld || wasOpen
  } catch (error) {
    log('warn', 'hold_not_released', errorFields(error))
    const wasOpen = endOwnHold(holdId, { isReleased: false, now })
    rememberRecorded(organizationId, period, recorded)
    keepUse({
      organizationIds: [organizationId],
      counters: isNew && !repeat ? toCosts(counters) : [],
      at: now,
      send: (own) => releaseHold(own, release),
    })
    return wasOpen
  }
}

type HeldKey = Pick<TracedCounter, 'key' | 'kept'>

/** Tells whether units were held of a limit of the event's key, organization and subject, in whichever of its spans. */
function matchCounter({ organization_id, subject, occurred_at }: Settlement, allowance: KeyAllowance | undefined) {
  const scope = { organizationId: organization_id, lineageId: allowance?.lineageId, subject }
  return (limit: MeteredLimit, { key, kept }: HeldKey) =>
    buildCounter(limit, scope, kept?.from ?? Date.parse(occurred_at)).key === key
}

/** Reported use that this isolate does not count yet. Sums of Postgres and admitted units are no further use. */
export const toCosts = (counters: readonly UsedCounter[]) =>
  counters.map((counter) => {
    const isUncounted = counter.recorded === undefined && counter.admission === undefined
    return Object.assign({}, counter, { cost: isUncounted ? counter.amount : 0 })
  })
