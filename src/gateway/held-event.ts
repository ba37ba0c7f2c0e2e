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
 * Keeps a verification's event until the answer's status is known, so that most requests are one row. Whoever waits for
 * the answer releases it after a while, so that units are never counted in Redis alone for long; what ends after that is
 * an event that completes it.
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
      deps.defer(released.promise) // it is recorded even if the caller goes away
    },
    /** Records it without an ending, for which another event follows. */
    release: () => release(),
    end(ending: Ending): void {
      if (held) release(ending)
      else if (taken) recordUsage(deps, completion(deps, taken, ending))
    },
  }
}

/** An event that gives a verified request its status and its time, and counts nothing. */
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
