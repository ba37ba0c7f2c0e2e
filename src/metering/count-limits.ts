/**
 * Counts reported use in the limits of its keys, once it is in Postgres. The use of a settlement counts in the step in
 * which its hold ends. Verifications from the spool were counted when they were admitted: they count again only where Redis has lost that.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { sleep } from '../lib/sleep.ts'
import { reloadAllowance } from '../limits/allowance.ts'
import { CREDITS } from '../limits/credits.ts'
import { countUsed, releaseHold, type UseAdmission, type UsedCounter } from '../limits/holds.ts'
import { findKeyAllowances, type KeyAllowance } from '../limits/key-allowance.ts'
import { buildCounter } from '../limits/key-limits.ts'
import { keepUse } from '../limits/late-use.ts'
import type { Recorded } from '../limits/limit-request.ts'
import { recordUse } from '../limits/quotas.ts'
import { retryLost } from '../limits/retry.ts'
import { findCharges } from './charges.ts'
import { type SettledHold, type UsageEvent, VERIFICATION } from './event.ts'
import { toRecorded } from './raise-counters.ts'
import { NO_PRICES, type Prices, readAmount } from './read-amount.ts'
import type { Outcome, Written } from './write.ts'

/** A change of a key's limits applies to reported use within this time. */
const MAX_AGE_MS = 2_000
/** Verifications that were admitted within such a step are counted as one. */
const ADMISSION_STEP_MS = 1_000
/** Per script call. */
const MAX_COUNTERS = 200
/** How often counting is retried after the answer while Redis fails, and the pause before each. */
const MAX_REPEATS = 20
const REPEAT_MS = 1_000

type Settlement = UsageEvent & { readonly settles: SettledHold }

const isSettlement = (event: UsageEvent): event is Settlement => event.settles !== undefined

/** Whether the counters of a period are raised with a settlement, in one step. */
export function isRaisedBySettlement(events: readonly UsageEvent[], { outcomes, periods }: Written) {
  const settled = new Set(
    events.flatMap((event, at) =>
      isSettlement(event) && outcomes[at] === 'accepted' ? [`${event.organization_id} ${event.settles.period}`] : [],
    ),
  )
  return (period: (typeof periods)[number]) =>
    settled.has(`${period.organization_id} ${periodNamed(period.period_start)}`)
}

/**
 * @param released takes the ids of the events whose holds ended now
 */
export async function countLimits(
  deps: Deps,
  events: readonly UsageEvent[],
  { written, released }: { readonly written: Written; readonly released: Set<string> },
): Promise<void> {
  const [allowances, charges] = await Promise.all([
    loadAllowances(deps, events, written.outcomes),
    loadCharges(deps, events, written),
  ])
  const counters = new Map<string, OwnCounter>()
  const { xid } = written
  for (const [at, event] of events.entries()) {
    const used = listCounters(deps, event, { allowances, xid })
    if (isSettlement(event)) {
      const outcome = written.outcomes[at] ?? 'duplicate'
      const recorded = await findRecorded(deps, event, outcome, written)
      const prices = allowances.get(event.key_id ?? '') ?? NO_PRICES
      const use = { used, recorded, xid, isNew: outcome === 'accepted', prices, charges }
      if (await settleHold(deps, event, use)) released.add(event.id)
    } else if (written.outcomes[at] === 'accepted') addCounters(counters, used)
  }
  const used = [...counters.values(), ...charges.values()]
  const groups = deps.redis.group(new Set(events.map(({ organization_id }) => organization_id)))
  await Promise.all(
    groups.map((organizationIds) =>
      countAll(
        deps,
        organizationIds,
        used.filter(({ organizationId }) => organizationIds.includes(organizationId)),
      ),
    ),
  )
}

/** A counter, and whose it is. */
type OwnCounter = UsedCounter & { readonly organizationId: string }

/**
 * What Postgres says that organizations with credits were charged, as counters to raise. A batch without costs, priced
 * calls and reservations asks nothing. Without an answer the counters are raised by later use, or with a reload.
 */
async function loadCharges(
  deps: Deps,
  events: readonly UsageEvent[],
  { isCharged }: Written,
): Promise<ReadonlyMap<string, OwnCounter>> {
  const charged = events.filter((event) => event.cost_usd || (isCharged && event.api_calls) || isSettlement(event))
  if (charged.length === 0) return new Map()
  try {
    const ids = [...new Set(charged.map(({ organization_id }) => organization_id))]
    const known = await findCharges(deps, ids)
    return new Map(
      [...known].map(([id, charge]) => [id, { ...charge, organizationId: id, limit: null, cost: 0, amount: 0 }]),
    )
  } catch (error) {
    log('error', 'credits_not_counted', errorFields(error))
    return new Map()
  }
}

/** Allowances of the keys whose use was counted now. Without them, what has been written is no failure. */
async function loadAllowances(deps: Deps, events: readonly UsageEvent[], outcomes: readonly Outcome[]) {
  const keys = events.flatMap((event, at) =>
    event.key_id && (outcomes[at] === 'accepted' || isSettlement(event))
      ? [{ organizationId: event.organization_id, keyId: event.key_id }]
      : [],
  )
  try {
    return await findKeyAllowances(deps, keys, MAX_AGE_MS)
  } catch (error) {
    log('error', 'limits_not_counted', { keys: keys.length, ...errorFields(error) })
    return new Map<string, KeyAllowance>()
  }
}

/** The counters of the event's key that its use counts in: of spans that are not over. */
function listCounters(
  deps: Deps,
  event: UsageEvent,
  { allowances, xid }: { readonly allowances: ReadonlyMap<string, KeyAllowance>; readonly xid: number },
): (OwnCounter & { readonly name: string })[] {
  const allowance = event.key_id ? allowances.get(event.key_id) : undefined
  if (!allowance || allowance.limits.length === 0) return []
  const [at, now] = [Date.parse(event.occurred_at), deps.now()]
  const scope = { lineageId: allowance.lineageId, subject: event.subject }
  return allowance.limits.flatMap((limit) => {
    const counter = buildCounter(limit, scope, at)
    const end = counter.until ?? at + (counter.windowMs ?? 0)
    const amount = readAmount(event, { ...limit, prices: allowance })
    const [organizationId, admission] = [event.organization_id, readAdmission(event)]
    const used = { ...counter, organizationId, name: limit.name, cost: 0, amount, xid, admission }
    return end > now && amount > 0 ? [used] : []
  })
}

/** How a verification was admitted. Undefined for reported use. */
function readAdmission({ source, occurred_at, trace }: UsageEvent): UseAdmission | undefined {
  if (source !== VERIFICATION) return undefined
  const admittedAt = Math.floor(Date.parse(occurred_at) / ADMISSION_STEP_MS) * ADMISSION_STEP_MS
  return { admittedAt, wasTaken: !trace?.alone }
}

/** Sums reported use by counter, and verifications also by admission: a counter may have lost one and not the other. */
function addCounters(sums: Map<string, OwnCounter>, counters: readonly OwnCounter[]): void {
  for (const counter of counters) {
    const { key, admission } = counter
    const slot = admission ? `${key} ${admission.admittedAt} ${admission.wasTaken}` : key
    sums.set(slot, { ...counter, amount: counter.amount + (sums.get(slot)?.amount ?? 0) })
  }
}

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
  readonly used: readonly (UsedCounter & { readonly name: string })[]
  readonly recorded: Recorded
  readonly xid: number
  readonly isNew: boolean
  /** Of the plan of the event's key. */
  readonly prices: Prices
  /** By organization: those that use credits. */
  readonly charges: ReadonlyMap<string, UsedCounter>
}

/** A balance that Redis has lost does not start without a figure of Postgres. */
const SEEDED = { isSeeded: true } as const

/** @returns whether the hold was still there. A hold that cannot be ended expires on its own */
async function settleHold(
  deps: Deps,
  event: Settlement,
  { used, recorded, xid, isNew, prices, charges }: SettledUse,
): Promise<boolean> {
  const { period, holdId, counters: held } = event.settles
  const counters = [
    ...held.map(({ meter, scale, name, ...counter }) => ({
      ...counter,
      limit: null,
      cost: 0,
      amount: meter === undefined ? 0 : readAmount(event, { meter, scale, prices }),
      xid,
      ...(name === CREDITS && (charges.get(event.organization_id) ?? SEEDED)),
    })),
    ...used.filter(({ name }) => held.every((one) => one.name !== name)),
  ]
  const release = { organizationId: event.organization_id, period, holdId, recorded, counters, isNew }
  try {
    return await retryLost(deps, event.organization_id, () => releaseHold(deps, release))
  } catch (error) {
    log('warn', 'hold_not_released', errorFields(error))
    const organizationIds = [event.organization_id]
    if (isNew)
      keepUse({
        organizationIds,
        counters: toCosts(counters),
        at: deps.now(),
        send: (own) => releaseHold(own, release),
      })
    return false
  }
}

/**
 * Once for each part, however often it is sent. While Redis fails, it is sent again after the answer, and before Redis decides
 * the next request of its organizations, which are all in one database.
 */
async function countAll(
  deps: Deps,
  organizationIds: readonly string[],
  counters: readonly UsedCounter[],
): Promise<void> {
  const organizationId = organizationIds[0] as string
  for (let from = 0; from < counters.length; from += MAX_COUNTERS) {
    const [part, batch] = [counters.slice(from, from + MAX_COUNTERS), crypto.randomUUID()]
    try {
      await retryLost(deps, organizationId, () => countUsed(deps, { batch, organizationId, counters: part }))
    } catch (error) {
      log('warn', 'limits_not_counted', { counters: part.length, ...errorFields(error) })
      const at = deps.now()
      const send = (own: Deps) =>
        countUsed(own, {
          batch,
          organizationId,
          counters: part.filter((counter) => !isOver(counter, at, own.now())),
        })
      deps.defer(repeatCounting(deps, keepUse({ organizationIds, counters: toCosts(part), at, send })))
    }
  }
}

/** Reported use that this isolate does not count yet. Sums of Postgres and admitted units are no further use. */
const toCosts = (counters: readonly UsedCounter[]) =>
  counters.map((counter) => {
    const isUncounted = counter.recorded === undefined && counter.admission === undefined
    return Object.assign({}, counter, { cost: isUncounted ? counter.amount : 0 })
  })

/** Whether the window that use was told in has passed, or its period has ended. */
function isOver({ windowMs, until }: UsedCounter, at: number, now: number): boolean {
  return (windowMs !== undefined && now - at > windowMs) || (until !== undefined && now >= until)
}

/** Tries again after the answer, until Redis has it. */
export async function repeatCounting(deps: Deps, send: (deps: Deps) => Promise<void>): Promise<void> {
  for (let repeat = 0; repeat < MAX_REPEATS; repeat++) {
    await sleep(REPEAT_MS)
    const isDone = await send(deps).then(
      () => true,
      () => false,
    )
    if (isDone) return
  }
}
