import type { Deps } from '../deps.ts'
import { retryAfterSeconds } from '../lib/retry-after.ts'
import { VERSION } from '../version.ts'
import { signatures } from './sign.ts'
import { findTargetFlaw } from './target-rules.ts'

/** An endpoint that does not answer within this time has failed. */
export const TIMEOUT_MS = 10_000
/** The longest pause of an endpoint, whatever its `Retry-After` says. */
const MAX_RETRY_AFTER_SECONDS = 86_400

interface Attempt {
  readonly url: string
  /** The current secret and, for a while after a rotation, the previous one. */
  readonly secrets: readonly string[]
  readonly eventId: string
  readonly body: string
  /** Ends the attempt early, so that a quicker endpoint has its place. */
  readonly cut: AbortSignal
}

export interface Outcome {
  readonly isDelivered: boolean
  /** The status of the endpoint's answer; null if it did not answer. */
  readonly statusCode: number | null
  /** Why it was not delivered: a sentence for the endpoint's owner. */
  readonly error: string | null
  readonly responseTimeMs: number
  /** How long the endpoint asks not to be called (429 and 503), at most a day. Absent if it does not say. */
  readonly retryAfterSeconds?: number | undefined
  /** Set if it was cut off because others waited, which is no failure of the endpoint: it had less than its time. */
  readonly isCutOff?: true
  /** Set if nothing can ever be sent, which is no failure of the endpoint. */
  readonly isPointless?: true
}

/**
 * Makes one attempt. Checks the address again, because the rules may be newer than it. Only the status of the answer
 * and its `Retry-After` count. The body is not read, so that an endpoint can neither send megabytes nor show its owner
 * another site's page.
 */
export async function send(deps: Deps, attempt: Attempt): Promise<Outcome> {
  const flaw = findTargetFlaw(attempt.url, deps.config.PUBLIC_URL)
  const started = deps.now()
  const answer = flaw ? `The address ${flaw}.` : await post(deps, attempt)
  const responseTimeMs = Math.max(0, deps.now() - started)
  if (answer === CUT_OFF) return { isDelivered: false, statusCode: null, error: null, responseTimeMs, isCutOff: true }
  if (typeof answer === 'string') return { isDelivered: false, statusCode: null, error: answer, responseTimeMs }
  const { status } = answer
  const isDelivered = status >= 200 && status < 300
  const error = isDelivered ? null : refusal(status)
  const seconds = retryAfterSeconds(answer, deps.now(), MAX_RETRY_AFTER_SECONDS)
  return { isDelivered, statusCode: status, error, responseTimeMs, retryAfterSeconds: seconds }
}

function refusal(status: number): string {
  if (status >= 300 && status < 400) return `The endpoint answered ${status}; redirects are not followed.`
  return status === 410 ? 'The endpoint answered 410: it wants no more events.' : `The endpoint answered ${status}.`
}

const CUT_OFF = Symbol('cut off')

/** @returns the answer without its body, or why there is none */
async function post(
  deps: Deps,
  { url, secrets, eventId: id, body, cut }: Attempt,
): Promise<Response | string | typeof CUT_OFF> {
  const timestamp = Math.floor(deps.now() / 1000)
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': `Tollgate-Webhooks/${VERSION}`,
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': await signatures(secrets, { id, timestamp, body }),
      },
      body,
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), cut]),
    })
    await response.body?.cancel().catch(() => undefined)
    return response
  } catch (error) {
    if (cut.aborted) return CUT_OFF
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    return isLate ? `The endpoint did not answer within ${TIMEOUT_MS / 1000} s.` : 'The endpoint could not be reached.'
  }
}
