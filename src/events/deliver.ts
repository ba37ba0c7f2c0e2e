import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { inPool } from '../lib/pool.ts'
import { type ClaimedDelivery, claimDeliveries } from './claim.ts'
import { TEST_EVENT } from './event-types.ts'
import { giveUp, noteDelivered, noteFailed } from './outcome.ts'
import { isLastAttempt } from './retries.ts'
import { type Outcome, send, TIMEOUT_MS } from './send.ts'
import { openSecret } from './sign.ts'
import { refreshState } from './state-body.ts'

/** Attempts side by side. A Worker has six connections; the others are the stores'. */
const PLACES = 4
/** How many of them endpoints may take that failed last: a dead one is waited for until it times out. */
const FAILING_PLACES = 2
/** A run ends within this, of the 30 seconds that the platform gives to work after an answer. The next run goes on. */
const RUN_MS = 25_000

const GONE = 410

/** Attempts what is due. A job does so every minute. */
export function deliverDueWebhooks(deps: Deps) {
  return deliverInLanes(deps, { failingAtMost: FAILING_PLACES })
}

/** Attempts deliveries that were just made, and what else is due in their lanes. What goes wrong is left to the job. */
export async function deliverNow(deps: Deps, ids: readonly string[]): Promise<void> {
  try {
    await deliverInLanes(deps, { failingAtMost: PLACES, lanesOf: ids })
  } catch (error) {
    log('warn', 'webhook_delivery_failed', errorFields(error))
  }
}

/**
 * Each endpoint's deliveries follow one another, and those of different endpoints go side by side: a slow one takes one
 * place, and only its own wait for it. Nothing begins that could not end within the run's time.
 */
async function deliverInLanes(
  deps: Deps,
  { failingAtMost, lanesOf }: { failingAtMost: number; lanesOf?: readonly string[] },
) {
  const lastBegin = deps.now() + RUN_MS - TIMEOUT_MS
  const counts = { delivered: 0, failed: 0 }
  let failing = 0

  async function take(atMost: number) {
    if (deps.now() > lastBegin) return []
    return claimDeliveries(deps, { atMost, failingAtMost: failingAtMost - failing, ...(lanesOf && { lanesOf }) })
  }

  async function work(claimed: ClaimedDelivery) {
    const weight = claimed.isFailing ? 1 : 0
    failing += weight
    counts[(await attempt(deps, claimed)) ? 'delivered' : 'failed'] += 1
    failing -= weight
  }

  await inPool(PLACES, take, work)
  return counts
}

/** @returns whether it was delivered; never throws, since others wait beside it */
async function attempt(deps: Deps, claimed: ClaimedDelivery): Promise<boolean> {
  try {
    const outcome = await callEndpoint(deps, claimed)
    await note(deps, claimed, outcome)
    return outcome.isDelivered
  } catch (error) {
    log('warn', 'webhook_outcome_lost', { delivery_id: claimed.id, ...errorFields(error) }) // still due: tried again
    return false
  }
}

async function callEndpoint(deps: Deps, { url, isActive, eventId, ...claimed }: ClaimedDelivery): Promise<Outcome> {
  if (!isActive) return notSent('The endpoint is switched off.')
  const secrets = await openSecrets(deps, claimed)
  if (!secrets) return notSent('The signing secret cannot be read; rotate it.')
  const { id, stateOf } = claimed
  const body = stateOf === null ? claimed.body : await refreshState(deps, { id, stateOf })
  return body === undefined ? notSent('The organization is gone.') : send(deps, { url, eventId, body, secrets })
}

const notSent = (error: string): Outcome => ({ isDelivered: false, statusCode: null, error, responseTimeMs: 0 })

/** @returns undefined when they were sealed under another `SECRET_KEY`, or are damaged: a failure like any other */
async function openSecrets(deps: Deps, { endpointId, secrets }: Pick<ClaimedDelivery, 'endpointId' | 'secrets'>) {
  try {
    return await Promise.all(secrets.map((sealed) => openSecret(deps.config.SECRET_KEY, endpointId, sealed)))
  } catch (error) {
    log('error', 'webhook_secret_unreadable', { endpoint_id: endpointId, ...errorFields(error) })
    return undefined
  }
}

async function note(deps: Deps, claimed: ClaimedDelivery, outcome: Outcome): Promise<void> {
  if (outcome.isDelivered) return noteDelivered(deps, claimed, outcome)
  const isGone = outcome.statusCode === GONE
  const isTest = claimed.type === TEST_EVENT // whoever tests looks at the result, and tests again
  if (isGone || isTest || !claimed.isActive || isLastAttempt(claimed.attempts))
    return giveUp(deps, claimed, outcome, { isGone, isCounted: !isTest })
  return noteFailed(deps, claimed, outcome)
}
