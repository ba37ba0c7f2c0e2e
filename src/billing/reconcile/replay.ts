import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { isUnanswered } from '../providers/http.ts'
import type { ProviderName } from '../providers/provider.ts'
import { describeReason, handleEvent } from '../webhooks/handle.ts'
import {
  claimStored,
  type EventFilter,
  findStored,
  listEvents,
  requireClaim,
  type StoredEvent,
} from '../webhooks/queries.ts'

const PAGE = 100
/** After so many events in a row that a provider did not answer for, its other events are left: each would wait as long. */
const MAX_UNANSWERED = 3

export interface Replayed {
  readonly event: StoredEvent
  /** The result, or why there is none. */
  readonly result: string
  readonly isDone: boolean
  /** Whether its provider did not answer; absent if the provider was not asked. */
  readonly isUnanswered?: boolean
}

const LEFT = 'was left, because its provider does not answer'

/**
 * Handles stored events again, in the order of their arrival. An event only causes its subscription to be checked
 * again, and what it says of credits counts once, by the provider's id. So old events are harmless: if everything is correct,
 * nothing happens. One exception: a lost dispute about credits that was handled before there were `payment_reversals`.
 */
export async function replayEvents(
  deps: ManagementDeps,
  filter: Omit<EventFilter, 'after' | 'limit'>,
  onEach: (replayed: Replayed) => void = () => undefined,
): Promise<{ done: number; failed: number }> {
  const counts = { done: 0, failed: 0 }
  const replayNext = replayUntilUnanswered(deps)
  let after: string | undefined
  for (;;) {
    const events = await listEvents(deps.db, { ...filter, after, limit: PAGE })
    for (const event of events) {
      const replayed = await replayNext(event)
      counts[replayed.isDone ? 'done' : 'failed'] += 1
      onEach(replayed)
    }
    after = events.at(-1)?.id
    if (events.length < PAGE) return counts
  }
}

/** Replays events until their provider does not answer. What is left does not count as tried. */
function replayUntilUnanswered(deps: ManagementDeps) {
  const unanswered = new Map<ProviderName, number>()
  return async function replayNext(event: StoredEvent): Promise<Replayed> {
    const inRow = unanswered.get(event.provider) ?? 0
    if (inRow === MAX_UNANSWERED) return { event, result: LEFT, isDone: false }
    const replayed = await replay(deps, event)
    if (replayed.isUnanswered !== undefined) unanswered.set(event.provider, replayed.isUnanswered ? inRow + 1 : 0)
    return replayed
  }
}

/**
 * Processes one stored event again because somebody requested it. The audit row records the request; the outcome
 * is in the event's row. Of two concurrent replays, one is refused.
 *
 * @throws Problem `billing_event_not_found`, `billing_event_reduced`, `webhook_in_progress`, `billing_event_failed` for an event that cannot be read, and
 *   what the provider's code throws
 */
export async function replayEvent(deps: ManagementDeps, actor: Principal, id: string): Promise<void> {
  const event = await findStored(deps.db, id)
  if (!event) throw new Problem('billing_event_not_found')
  if (isReduced(event)) throw new Problem('billing_event_reduced')
  const { organizationId, provider, eventId, type } = event
  const { claimed } = await runBatch(deps.db, {
    claimed: requireClaim(deps.db, id),
    audit: audited(deps, {
      action: 'admin.billing_event_replayed',
      actor,
      organizationId,
      target: { type: 'billing_event', id },
      detail: { provider, event_id: eventId, type },
    }),
  })
  try {
    await handleEvent(deps, event, { id, attempts: Number(claimed.rows[0]?.attempts) })
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('billing_event_failed')
  }
}

/** A provider's payload is erased after 90 days (privacy/erase-old.ts): such an event has no content that could be processed again. */
const isReduced = ({ payload }: StoredEvent) => payload === null

async function replay(deps: ManagementDeps, event: StoredEvent): Promise<Replayed> {
  if (isReduced(event)) return { event, result: 'was erased after 90 days', isDone: false }
  const claimed = await claimStored(deps.db, event.id)
  if (!claimed) return { event, result: 'is being handled right now', isDone: false }
  try {
    return { event, result: await handleEvent(deps, event, claimed), isDone: true, isUnanswered: false }
  } catch (error) {
    return { event, result: `failed: ${describeReason(error)}`, isDone: false, isUnanswered: isUnanswered(error) }
  }
}
