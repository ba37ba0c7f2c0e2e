/** Writes batches from the spool (spool.ts), whose events nobody may have checked, priced or attributed when they came. */
import { sqlState } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { attribute, findOwners } from './attribution.ts'
import type { UsageEvent } from './event.ts'
import { partFlawed } from './quantity-flaws.ts'
import type { Batch } from './spool.ts'
import { isPermanent, storeEach } from './store.ts'

/** One batch whose owners are unknown, or several that have them. */
export const mergeBatches = (batches: readonly Batch[]): Batch => {
  const [first] = batches
  return first && batches.length === 1
    ? first
    : { events: batches.flatMap(({ events }) => events as readonly UsageEvent[]) }
}

interface LostEvent {
  readonly event: unknown
  readonly reason: string
}

/**
 * Writes every event of a batch that can be written. An event that cannot be processed does not affect the others.
 *
 * @returns the events that are not written
 * @throws temporary errors; retrying the batch is then safe
 */
export async function writeEach(deps: Deps, batch: Batch): Promise<readonly LostEvent[]> {
  const { events } = batch
  try {
    return await writeBatch(deps, batch)
  } catch (error) {
    if (!isPermanent(error)) throw error
    if (events.length <= 1) {
      log('warn', 'usage_refused', { id: events[0]?.id, ...errorFields(error) })
      const reason = sqlState(error) ? 'refused by the database' : 'cannot be processed'
      return events.map((event) => ({ event, reason }))
    }
    const half = events.length >> 1
    const first = await writeEach(deps, { ...batch, events: events.slice(0, half) } as Batch)
    return [...first, ...(await writeEach(deps, { ...batch, events: events.slice(half) } as Batch))]
  }
}

async function writeBatch(deps: Deps, batch: Batch): Promise<readonly LostEvent[]> {
  const { owned, lost: unowned } = await attributeEvents(deps, batch)
  const { sound, lost: flawed } = await partFlawed(deps, owned) // of those that came when meters could not be read
  const events = await deps.priceUsage(sound) // of those that came when prices could not be read
  const outcomes = await storeEach(deps, events)
  const refused = events.filter((_, at) => outcomes[at] === 'refused')
  return [...unowned, ...flawed, ...refused.map((event) => ({ event, reason: 'refused by the database' }))]
}

interface Attributed {
  readonly owned: readonly UsageEvent[]
  readonly lost: readonly LostEvent[]
}

/** Finds the owners of the events, now that the database can be queried. */
async function attributeEvents(deps: Deps, batch: Batch): Promise<Attributed> {
  if (!('caller' in batch)) return { owned: batch.events, lost: [] }
  const holders = await findOwners(deps, batch.events, batch.caller)
  const found = batch.events.map((event) => ({ event, outcome: attribute(event, holders, batch.caller) }))
  return {
    owned: found.flatMap(({ outcome }) => (typeof outcome === 'string' ? [] : [outcome])),
    lost: found.flatMap(({ event, outcome }) => (typeof outcome === 'string' ? [{ event, reason: outcome }] : [])),
  }
}
