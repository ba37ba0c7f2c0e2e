import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { createPlaces } from '../lib/places.ts'
import { inPool } from '../lib/pool.ts'
import { type ClaimedDelivery, type ClaimOptions, claimDeliveries } from './claim.ts'
import { TEST_EVENT } from './event-types.ts'
import { giveUp, noteDelivered, noteFailed, notePutBack } from './outcome.ts'
import { isLastAttempt } from './retries.ts'
import { type Outcome, send, TIMEOUT_MS } from './send.ts'
import { openSecret } from './sign.ts'
import { SLOW_MS } from './slow-ms.ts'
import { refreshState } from './state-body.ts'

/** Concurrent attempts of a run. A Worker has six connections; the stores need the others. */
const CONCURRENCY = 4
/** Deliveries claimed in advance, so that a slot never waits for a statement. Fast endpoints free their slots soon. */
const CLAIMED_AHEAD = 4
/** How many attempts may go to slow endpoints in a run that also serves fast ones. */
const MAX_SLOW = 2
/** A run after a request ends within this time, of the 30 seconds that the platform gives to work after a response. */
const RUN_MS = 25_000
/** A job's run ends before the next one begins. */
export const JOB_RUN_MS = 50_000

const GONE = 410

/**
 * Attempts due deliveries to endpoints that are not slow. A job calls this every minute.
 *
 * @param organizationIds only to the endpoints of these organizations; to all if absent
 */
export function deliverDueWebhooks(deps: Deps, organizationIds?: readonly string[]) {
  return deliverInLanes(deps, { runMs: JOB_RUN_MS, maxSlow: 0, ...(organizationIds && { organizationIds }) })
}

/** The same for slow endpoints: a job with its own connections, so that no other endpoint waits for them. */
export function deliverSlowWebhooks(deps: Deps, organizationIds?: readonly string[]) {
  const lanes = { isSlowOnly: true, ...(organizationIds && { organizationIds }) }
  return deliverInLanes(deps, { runMs: JOB_RUN_MS, maxSlow: CONCURRENCY, ...lanes })
}

/** Attempts new deliveries, and others that are due in their lanes. The jobs handle failures. */
export async function deliverNow(deps: Deps, ids: readonly string[]): Promise<void> {
  try {
    await deliverInLanes(deps, { runMs: RUN_MS, maxSlow: MAX_SLOW, lanesOf: ids })
  } catch (error) {
    log('warn', 'webhook_delivery_failed', errorFields(error))
  }
}

interface Run extends Pick<ClaimOptions, 'lanesOf' | 'organizationIds' | 'isSlowOnly'> {
  readonly runMs: number
  /** The maximum of concurrent attempts to slow endpoints. */
  readonly maxSlow: number
}

/**
 * Deliveries of one endpoint are sent one after the other, those of different endpoints in parallel. Endpoints that are
 * known to be slow use a limited number of slots. Another endpoint that turns out to be slow must give its slot to the
 * delivery that needs it next. An attempt starts only if it can finish within the run's time.
 */
async function deliverInLanes(deps: Deps, { runMs, maxSlow, ...lanes }: Run) {
  const lastBegin = deps.now() + runMs - TIMEOUT_MS
  const counts = { delivered: 0, failed: 0, cut_off: 0 }
  const places = createPlaces(CONCURRENCY, SLOW_MS)
  let slow = 0

  async function take(atMost: number) {
    if (deps.now() > lastBegin) return []
    return claimDeliveries(deps, { ...lanes, atMost, slowAtMost: maxSlow - slow })
  }

  async function work(claimed: ClaimedDelivery) {
    const weight = claimed.isSlow ? 1 : 0
    slow += weight
    counts[await attempt(deps, claimed, places)] += 1
    slow -= weight
  }

  // a delivery that waited behind slow ones could outlast the run
  await inPool(lanes.isSlowOnly ? CONCURRENCY : CONCURRENCY + CLAIMED_AHEAD, take, work)
  return counts
}

type Places = ReturnType<typeof createPlaces>

/** Only the call needs a slot, not the record of its outcome. Never throws, because others run beside it. */
async function attempt(deps: Deps, claimed: ClaimedDelivery, places: Places) {
  try {
    const mayLinger = claimed.isSlow
    const outcome = await places.occupy((cut) => callEndpoint(deps, claimed, cut), { mayLinger })
    await note(deps, claimed, outcome)
    if (outcome.isCutOff) return 'cut_off'
    return outcome.isDelivered ? 'delivered' : 'failed'
  } catch (error) {
    // still due, so it is retried
    log('warn', 'webhook_outcome_lost', { delivery_id: claimed.id, ...errorFields(error) })
    return 'failed'
  }
}

async function callEndpoint(
  deps: Deps,
  { url, isActive, eventId, ...claimed }: ClaimedDelivery,
  cut: AbortSignal,
): Promise<Outcome> {
  if (!isActive) return notSent('The endpoint is disabled.')
  const secrets = await openSecrets(deps, claimed)
  if (!secrets) return notSent('The signing secret cannot be read. Rotate it.')
  const { id, stateOf, isOperator } = claimed
  const body = stateOf === null ? claimed.body : await refreshState(deps, { id, stateOf, isOperator })
  if (body === undefined) return { ...notSent('The organization is gone.'), isPointless: true }
  return send(deps, { url, eventId, body, secrets, cut })
}

const notSent = (error: string): Outcome => ({ isDelivered: false, statusCode: null, error, responseTimeMs: 0 })

/**
 * @returns undefined if they were encrypted under another `SECRET_KEY` or are damaged, which counts like any other
 *   failure
 */
async function openSecrets(deps: Deps, { endpointId, secrets }: Pick<ClaimedDelivery, 'endpointId' | 'secrets'>) {
  try {
    return await Promise.all(secrets.map((sealed) => openSecret(deps.config, endpointId, sealed)))
  } catch (error) {
    log('error', 'webhook_secret_unreadable', { endpoint_id: endpointId, ...errorFields(error) })
    return undefined
  }
}

async function note(deps: Deps, claimed: ClaimedDelivery, outcome: Outcome): Promise<void> {
  if (outcome.isCutOff) return notePutBack(deps, claimed, outcome)
  if (outcome.isDelivered) return noteDelivered(deps, claimed, outcome)
  const isGone = outcome.statusCode === GONE
  // the owner of the endpoint looks at the result of a test, and can test again
  const isTest = claimed.type === TEST_EVENT
  const { isPointless = false } = outcome
  if (isGone || isTest || isPointless || !claimed.isActive || isLastAttempt(claimed.attempts))
    return giveUp(deps, claimed, outcome, { isGone, isCounted: !isTest && !isPointless })
  return noteFailed(deps, claimed, outcome)
}
