import type { Deps } from '../deps.ts'
import { formatIso } from '../lib/iso.ts'
import { uuidv7 } from '../lib/uuid.ts'
import type { UsageEvent, VerdictTrace } from '../metering/event.ts'
import { recordUsage } from '../metering/record.ts'

/** The `source` of events that complete a request of the gateway. */
export const SOURCE = 'gateway'

/** How a request ended. */
export interface Ending {
  readonly status_code: number
  readonly response_time_ms: number
}

/**
 * Holds back a verification's event until the response's status is known, so that most requests need one row. The code that
 * waits for the response releases the event after a while, so that units are never counted only in Redis for long. If the
 * response ends after that, a second event completes the first.
 */
export function holdEvent(deps: Deps) {
  let held: { readonly event: UsageEvent; readonly trace: VerdictTrace } | undefined
  let taken: UsageEvent | undefined
  const released = Promise.withResolvers<void>()

  function release(ending?: Ending): void {
    if (!held) return
    recordUsage(deps, { ...held.event, ...ending, trace: held.trace })
    held = undefined
    released.resolve()
  }

  return {
    hold(event: UsageEvent, trace: VerdictTrace): void {
      held = { event, trace }
      taken = event
      deps.defer(released.promise) // it is recorded even if the caller disconnects
    },
    /** Records it without its outcome; another event with the outcome follows. */
    release: () => release(),
    /** Records it without its outcome, and leaves the outcome to a report: `end` records nothing after this. */
    leave(): void {
      release()
      taken = undefined
    },
    end(ending: Ending): void {
      if (held) release(ending)
      else if (taken) recordUsage(deps, completion(deps, taken, ending))
    },
  }
}

/** An event that sets the status and the time of a verified request, and counts nothing. */
function completion(deps: Deps, verified: UsageEvent, ending: Ending): UsageEvent {
  const { organization_id, key_id = null, endpoint = '', method = '', environment, id, request_id = id } = verified
  return {
    id: uuidv7(deps.now()),
    source: SOURCE,
    completes: request_id,
    requests: 0,
    occurred_at: formatIso(deps.now()),
    organization_id,
    key_id,
    endpoint,
    method,
    ...(environment && { environment }),
    ...ending,
  }
}
