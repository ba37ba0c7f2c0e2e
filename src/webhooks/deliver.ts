import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { type Claimed, claimDeliveries } from './claim.ts'
import { TEST_EVENT } from './events.ts'
import { giveUp, noteDelivered, noteFailed } from './outcome.ts'
import { isLastAttempt } from './retries.ts'
import { openSecret } from './secrets.ts'
import { type Outcome, send } from './send.ts'

/** A Worker has six connections. */
const AT_ONCE = 6
/** How many of them endpoints may take that failed last: a dead one is waited for until it times out. */
const FAILING_AT_ONCE = 2
/** A run begins no round after this. The next one goes on. */
const RUN_MS = 40_000

const GONE = 410

/** Attempts what is due. A job does so every minute. Failing endpoints have rounds of their own, so nobody waits for them. */
export async function deliverDueWebhooks(deps: Deps) {
  const results = await Promise.all([
    deliverInRounds(deps, { atMost: AT_ONCE - FAILING_AT_ONCE, isFailing: false }),
    deliverInRounds(deps, { atMost: FAILING_AT_ONCE, isFailing: true }),
  ])
  const delivered = results.flat().filter(Boolean).length
  return { delivered, failed: results.flat().length - delivered }
}

/** One delivery to each endpoint in a round. @returns of each attempt, whether it was delivered */
async function deliverInRounds(deps: Deps, which: { atMost: number; isFailing: boolean }): Promise<boolean[]> {
  const end = deps.now() + RUN_MS
  const results: boolean[] = []
  do {
    const claimed = await claimDeliveries(deps, which)
    if (claimed.length === 0) break
    results.push(...(await Promise.all(claimed.map((one) => attempt(deps, one)))))
  } while (deps.now() < end)
  return results
}

/** Attempts deliveries that were just made. What goes wrong is left to the job. */
export async function deliverNow(deps: Deps, ids: readonly string[]): Promise<void> {
  try {
    const claimed = await claimDeliveries(deps, { atMost: ids.length, ids })
    for (let from = 0; from < claimed.length; from += AT_ONCE)
      await Promise.all(claimed.slice(from, from + AT_ONCE).map((one) => attempt(deps, one)))
  } catch (error) {
    log('warn', 'webhook_delivery_failed', errorFields(error))
  }
}

/** @returns whether it was delivered; never throws, since others wait beside it */
async function attempt(deps: Deps, claimed: Claimed): Promise<boolean> {
  try {
    const outcome = await outcomeOf(deps, claimed)
    await note(deps, claimed, outcome)
    return outcome.isDelivered
  } catch (error) {
    log('warn', 'webhook_outcome_lost', { delivery_id: claimed.id, ...errorFields(error) }) // still due: tried again
    return false
  }
}

async function outcomeOf(deps: Deps, { url, isActive, eventId, body, ...claimed }: Claimed): Promise<Outcome> {
  if (!isActive)
    return { isDelivered: false, statusCode: null, error: 'The endpoint is switched off.', responseTimeMs: 0 }
  const open = (sealed: Uint8Array) => openSecret(deps.config.SECRET_KEY, claimed.endpointId, sealed)
  return send(deps, { url, eventId, body, secrets: await Promise.all(claimed.secrets.map(open)) })
}

async function note(deps: Deps, claimed: Claimed, outcome: Outcome): Promise<void> {
  if (outcome.isDelivered) return noteDelivered(deps, claimed, outcome)
  const isGone = outcome.statusCode === GONE
  const isTest = claimed.type === TEST_EVENT // whoever tests looks at the result, and tests again
  if (isGone || isTest || !claimed.isActive || isLastAttempt(claimed.attempts))
    return giveUp(deps, claimed, outcome, { isGone, isCounted: !isTest })
  return noteFailed(deps, claimed, outcome)
}
