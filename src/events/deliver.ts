import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { inPool } from '../lib/pool.ts'
import { type ClaimedDelivery, type ClaimOptions, claimDeliveries } from './claim.ts'
import { TEST_EVENT } from './event-types.ts'
import { giveUp, noteDelivered, noteFailed } from './outcome.ts'
import { isLastAttempt } from './retries.ts'
import { type Outcome, send, TIMEOUT_MS } from './send.ts'
import { openSecret } from './sign.ts'
import { refreshState } from './state-body.ts'

/** Concurrent attempts. A Worker has six connections; the stores need the others. */
const CONCURRENCY = 4
/** How many of them failing endpoints may use: a dead endpoint blocks until its timeout. */
const MAX_FAILING = 2
/**
 * A run ends within this time, of the 30 seconds that the platform gives to work after an answer. The next run
 * continues.
 */
export const RUN_MS = 25_000

const GONE = 410

/**
 * Attempts due deliveries. A job calls this every minute.
 *
 * @param organizationIds only to the endpoints of these organizations; to all if absent
 */
export function deliverDueWebhooks(deps: Deps, organizationIds?: readonly string[]) {
  return deliverInLanes(deps, { failingAtMost: MAX_FAILING, ...(organizationIds && { organizationIds }) })
}

/** Attempts new deliveries, and others that are due in their lanes. The job handles failures. */
export async function deliverNow(deps: Deps, ids: readonly string[]): Promise<void> {
  try {
    await deliverInLanes(deps, { failingAtMost: CONCURRENCY, lanesOf: ids })
  } catch (error) {
    log('warn', 'webhook_delivery_failed', errorFields(error))
  }
}

type Run = Pick<ClaimOptions, 'lanesOf' | 'organizationIds'> & { readonly failingAtMost: number }

/**
 * Deliveries of one endpoint are sent one after the other, those of different endpoints in parallel. A slow endpoint
 * uses one slot, and only its own deliveries wait for it. An attempt starts only if it can finish within the run's
 * time.
 */
async function deliverInLanes(deps: Deps, { failingAtMost, ...lanes }: Run) {
  const lastBegin = deps.now() + RUN_MS - TIMEOUT_MS
  const counts = { delivered: 0, failed: 0 }
  let failing = 0

  async function take(atMost: number) {
    if (deps.now() > lastBegin) return []
    return claimDeliveries(deps, { ...lanes, atMost, failingAtMost: failingAtMost - failing })
  }

  async function work(claimed: ClaimedDelivery) {
    const weight = claimed.isFailing ? 1 : 0
    failing += weight
    counts[(await attempt(deps, claimed)) ? 'delivered' : 'failed'] += 1
    failing -= weight
  }

  await inPool(CONCURRENCY, take, work)
  return counts
}

/** @returns whether it was delivered; never throws, because others run beside it */
async function attempt(deps: Deps, claimed: ClaimedDelivery): Promise<boolean> {
  try {
    const outcome = await callEndpoint(deps, claimed)
    await note(deps, claimed, outcome)
    return outcome.isDelivered
  } catch (error) {
    // still due, so it is retried
    log('warn', 'webhook_outcome_lost', { delivery_id: claimed.id, ...errorFields(error) })
    return false
  }
}

async function callEndpoint(deps: Deps, { url, isActive, eventId, ...claimed }: ClaimedDelivery): Promise<Outcome> {
  if (!isActive) return notSent('The endpoint is disabled.')
  const secrets = await openSecrets(deps, claimed)
  if (!secrets) return notSent('The signing secret cannot be read. Rotate it.')
  const { id, stateOf, isOperator } = claimed
  const body = stateOf === null ? claimed.body : await refreshState(deps, { id, stateOf, isOperator })
  if (body === undefined) return { ...notSent('The organization is gone.'), isPointless: true }
  return send(deps, { url, eventId, body, secrets })
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
  if (outcome.isDelivered) return noteDelivered(deps, claimed, outcome)
  const isGone = outcome.statusCode === GONE
  // the owner of the endpoint looks at the result of a test, and can test again
  const isTest = claimed.type === TEST_EVENT
  const { isPointless = false } = outcome
  if (isGone || isTest || isPointless || !claimed.isActive || isLastAttempt(claimed.attempts))
    return giveUp(deps, claimed, outcome, { isGone, isCounted: !isTest && !isPointless })
  return noteFailed(deps, claimed, outcome)
}
