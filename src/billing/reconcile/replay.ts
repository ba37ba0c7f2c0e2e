import type { ManagementDeps } from '../../deps.ts'
import { describeReason, handleEvent } from '../webhooks/handle.ts'
import { claimStored, type EventFilter, listEvents, type StoredEvent } from '../webhooks/queries.ts'

const PAGE = 100

export interface Replayed {
  readonly event: StoredEvent
  /** What came of it, or why nothing did. */
  readonly result: string
  readonly isDone: boolean
}

/**
 * Handles stored events once more, in the order in which they came. Each event only makes its subscription be checked again,
 * so old events do no harm: if everything is as it should be, nothing happens.
 */
export async function replayEvents(
  deps: ManagementDeps,
  filter: Omit<EventFilter, 'after' | 'limit'>,
  onEach: (replayed: Replayed) => void = () => undefined,
): Promise<{ done: number; failed: number }> {
  const counts = { done: 0, failed: 0 }
  let after: string | undefined
  for (;;) {
    const events = await listEvents(deps.db, { ...filter, after, limit: PAGE })
    for (const event of events) {
      const replayed = await replay(deps, event)
      if (replayed.isDone) counts.done += 1
      else counts.failed += 1
      onEach(replayed)
    }
    after = events.at(-1)?.id
    if (events.length < PAGE) return counts
  }
}

async function replay(deps: ManagementDeps, event: StoredEvent): Promise<Replayed> {
  const claimed = await claimStored(deps.db, event.id)
  if (!claimed) return { event, result: 'is being handled at this moment', isDone: false }
  try {
    return { event, result: await handleEvent(deps, event, claimed), isDone: true }
  } catch (error) {
    return { event, result: `failed: ${describeReason(error)}`, isDone: false }
  }
}
