/**
 * Counts reported use in the limits of its keys and their organizations, once it is in Postgres, also where it comes again because the answer of
 * Postgres was lost. The use of a settlement counts in the step in which its hold ends. Verifications from the spool were counted when they were admitted: they count again only where Redis has lost that.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { periodNamed } from '../lib/period.ts'
import { sleep } from '../lib/sleep.ts'
import { toBatch } from '../limits/holds/count-again.ts'
import { countUsed, type UseAdmission, type UsedCounter } from '../limits/holds/holds.ts'
import { findAllowances, holderId, type KeyAllowance, type MeteredLimit } from '../limits/key-allowance.ts'
import { buildCounter } from '../limits/key-limits.ts'
import { keepUse } from '../limits/outage/late-use.ts'
import { retryLost } from '../limits/retry.ts'
import { findCharges } from './charges.ts'
import { countRepeats, findRepeats, type Repeat } from './count-repeats.ts'
import { toHolder, type UsageEvent, VERIFICATION } from './event.ts'
import { readAmount } from './read-amount.ts'
import { isSettlement, settleHold, toCosts } from './settle-hold.ts'
import type { Written } from './write.ts'

/** A change of limits applies to reported use within this time. */
const MAX_AGE_MS = 2_000
/** Verifications that were admitted within one such step are counted together. */
const ADMISSION_STEP_MS = 1_000
/** Per script call. */
const MAX_COUNTERS = 200
/** How often counting is retried after the response while Redis fails, and the pause before each attempt. */
const MAX_REPEATS = 20
const REPEAT_MS = 1_000

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

interface Stored {
  readonly written: Written
  /** Of the events' keys ({@link loadAllowances}). */
  readonly allowances: ReadonlyMap<string, KeyAllowance>
  /** Takes the ids of the events whose holds ended now. */
  readonly released: Set<string>
}

/**
 * @throws Problem `unavailable` when the database does not say of repeated events when they were written: nothing was counted then
 */
export async function countLimits(
  deps: Deps,
  events: readonly UsageEvent[],
  { written, allowances, released }: Stored,
): Promise<void> {
  const charges = await loadCharges(deps, events, written)
  const repeats = await findRepeats(deps, events, { written, allowances })
  const counters = new Map<string, OwnCounter>()
  const again: Repeat[] = []
  for (const [at, event] of events.entries()) {
    const repeat = repeats.get(at)
    const xid = repeat?.xid ?? written.xid
    const used = listCounters(deps, repeat?.event ?? event, { allowances, xid })
    if (isSettlement(event)) {
      const allowance = allowances.get(holderId(toHolder(event)))
      const use = { used, at, written, repeat, allowance, charges }
      if (await settleHold(deps, event, use)) released.add(event.id)
    } else if (repeat) again.push({ ...repeat, counters: used })
    else if (written.outcomes[at] === 'accepted') addCounters(counters, used)
  }
  const groups = deps.redis.group(new Set(events.map(({ organization_id }) => organization_id)))
  const all = { xid: written.xid, used: [...counters.values(), ...charges.values()] }
  await Promise.all([...groups.map((ids) => countAll(deps, ids, all)), countRepeats(deps, again)])
}

/** A counter, and its organization. */
type OwnCounter = UsedCounter & { readonly organizationId: string }

/**
 * The charges of organizations with credits according to Postgres, as counters to raise. A batch without costs, priced
 * calls and reservations needs no query. If the query fails, later usage or a reload raises the counters.
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

/**
 * Allowances of the events' keys and organizations. To be read before the events are written: once they are, nobody would send them again
 * because of this.
 *
 * @throws Problem `unavailable` when the database does not answer
 */
export function loadAllowances(deps: Deps, events: readonly UsageEvent[]): Promise<ReadonlyMap<string, KeyAllowance>> {
  return findAllowances(deps, events.map(toHolder), MAX_AGE_MS)
}

/** The counters of the event's key and organization that its use counts in: of spans that are not over. */
function listCounters(
  deps: Deps,
  event: UsageEvent,
  { allowances, xid }: { readonly allowances: ReadonlyMap<string, KeyAllowance>; readonly xid: number },
): (OwnCounter & { readonly limited: MeteredLimit })[] {
  const allowance = allowances.get(holderId(toHolder(event)))
  if (!allowance || allowance.limits.length === 0) return []
  const [at, now] = [Date.parse(event.occurred_at), deps.now()]
  const organizationId = event.organization_id
  const scope = { organizationId, lineageId: allowance.lineageId, subject: event.subject }
  return allowance.limits.flatMap((limited) => {
    const counter = buildCounter(limited, scope, at)
    const end = counter.until ?? at + (counter.windowMs ?? 0)
    const amount = readAmount(event, { ...limited, prices: allowance })
    const admission = readAdmission(event)
    const used = { ...counter, organizationId, limited, cost: 0, amount, xid, admission }
    return end > now && amount > 0 ? [used] : []
  })
}

/** How a verification was admitted. Undefined for reported usage. */
function readAdmission({ source, occurred_at, trace }: UsageEvent): UseAdmission | undefined {
  if (source !== VERIFICATION) return undefined
  const admittedAt = Math.floor(Date.parse(occurred_at) / ADMISSION_STEP_MS) * ADMISSION_STEP_MS
  return { admittedAt, wasTaken: !trace?.alone }
}

/** Sums reported usage by counter, and verifications also by admission: Redis may have lost one counter and not another. */
function addCounters(sums: Map<string, OwnCounter>, counters: readonly OwnCounter[]): void {
  for (const counter of counters) {
    const { key, admission } = counter
    const slot = admission ? `${key} ${admission.admittedAt} ${admission.wasTaken}` : key
    sums.set(slot, { ...counter, amount: counter.amount + (sums.get(slot)?.amount ?? 0) })
  }
}

/**
 * Counts each part once, however often it is sent. While Redis fails, it is sent again after the response, and before Redis decides
 * the next request of its organizations, which are all in one database.
 */
async function countAll(
  deps: Deps,
  organizationIds: readonly string[],
  { xid, used: all }: { readonly xid: number; readonly used: readonly OwnCounter[] },
): Promise<void> {
  const used = all.filter((counter) => organizationIds.includes(counter.organizationId))
  const organizationId = organizationIds[0] as string
  for (let from = 0; from < used.length; from += MAX_COUNTERS) {
    const counters = used.slice(from, from + MAX_COUNTERS)
    const part = { batch: toBatch(xid), part: from / MAX_COUNTERS, organizationId, counters }
    try {
      await retryLost(deps, organizationId, () => countUsed(deps, part))
    } catch (error) {
      log('warn', 'limits_not_counted', { counters: counters.length, ...errorFields(error) })
      const at = deps.now()
      const send = (own: Deps) =>
        countUsed(own, { ...part, counters: counters.filter((counter) => !isOver(counter, at, own.now())) })
      deps.defer(repeatCounting(deps, keepUse({ organizationIds, counters: toCosts(counters), at, send })))
    }
  }
}

/** Whether the window that use was told in has passed, or its period has ended. */
function isOver({ windowMs, until }: UsedCounter, at: number, now: number): boolean {
  return (windowMs !== undefined && now - at > windowMs) || (until !== undefined && now >= until)
}

/** Retries after the response, until Redis has it. */
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
