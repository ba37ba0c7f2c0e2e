import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import type { UnattributedUsage, UsageEvent } from './event.ts'
import { storeEach } from './store.ts'

/** A Redis list of JSON batches that Postgres could not take. */
const SPOOL = 'usage:spool'
/** How long a run of the job goes on, and how many batches it looks at together. */
const DRAIN_MS = 45_000
const TAKEN_TOGETHER = 50
/** No batch of the list is larger, so that writing one stays well within a statement's time. */
const SPOOLED_TOGETHER = 500

type Batch = readonly UsageEvent[] | UnattributedUsage

/** @throws when Redis fails too */
export async function spoolUsage(deps: Deps, events: readonly UsageEvent[]): Promise<void> {
  await push(deps, parts(events))
}

/** The same for events of which the database could not be asked whose they are. @throws when Redis fails too */
export async function spoolUnattributed(deps: Deps, { events, caller }: UnattributedUsage): Promise<void> {
  await push(
    deps,
    parts(events).map((part) => ({ events: part, caller })),
  )
}

async function push(deps: Deps, batches: readonly Batch[]): Promise<void> {
  const [first, ...rest] = batches.map((batch) => JSON.stringify(batch))
  if (first !== undefined) await deps.redis.rpush(SPOOL, first, ...rest)
}

function parts<T>(events: readonly T[]): T[][] {
  const count = Math.ceil(events.length / SPOOLED_TOGETHER)
  return Array.from({ length: count }, (_, at) => events.slice(at * SPOOLED_TOGETHER, (at + 1) * SPOOLED_TOGETHER))
}

/** Whether everything that was recorded is in Postgres, or on its way there from some isolate. */
export async function isSpoolEmpty(deps: Deps): Promise<boolean> {
  return (await deps.redis.llen(SPOOL)) === 0
}

/**
 * Writes what was spooled, for up to most of a minute; the next run goes on. Small batches are written together. Each
 * leaves the list only after it is in Postgres, and by its value, so two runs at once or a run that dies in between write
 * some batches twice, which counts once.
 */
export async function drainUsageSpool(deps: Deps) {
  const until = Date.now() + DRAIN_MS
  let drained = 0
  while (Date.now() < until) {
    const batches = await deps.redis.lrange<Batch>(SPOOL, 0, TAKEN_TOGETHER - 1)
    const taken = oneStatementOf(batches)
    if (taken.length === 0 || !(await writeOrWait(deps, taken))) break
    await Promise.all(taken.map((batch) => deps.redis.lrem(SPOOL, 1, JSON.stringify(batch))))
    drained += taken.length
  }
  return { drained, left: await deps.redis.llen(SPOOL) }
}

/** The first batches that make a statement together: of events that are told whose they are, or one of the others. */
function oneStatementOf(batches: readonly Batch[]): readonly Batch[] {
  const [first] = batches
  if (!first || 'caller' in first) return batches.slice(0, 1)
  let events = 0
  const end = batches.findIndex((batch) => {
    events += 'caller' in batch ? SPOOLED_TOGETHER : batch.length
    return events > SPOOLED_TOGETHER
  })
  return batches.slice(0, end === -1 ? batches.length : Math.max(1, end))
}

/** @returns false while the database does not take anything: the batch stays for the next run */
async function writeOrWait(deps: Deps, batches: readonly Batch[]): Promise<boolean> {
  try {
    const events = (await Promise.all(batches.map((batch) => eventsOf(deps, batch)))).flat()
    const outcomes = await storeEach(deps, events)
    logLost(
      events.filter((_, at) => outcomes[at] === 'refused'),
      'refused by the database',
    )
    return true
  } catch (error) {
    const count = batches.reduce((sum, batch) => sum + ('caller' in batch ? batch.events : batch).length, 0)
    log('warn', 'usage_drain_failed', { count, ...errorFields(error) })
    return false
  }
}

async function eventsOf(deps: Deps, batch: Batch): Promise<readonly UsageEvent[]> {
  return 'caller' in batch ? attributed(deps, batch) : batch
}

/** Whose the events are, now that the database can be asked. What is nobody's is in the log, whole. */
async function attributed(deps: Deps, { events, caller }: UnattributedUsage): Promise<UsageEvent[]> {
  const { attribute, findHolders } = await import('./ingest-holders.ts')
  const holders = await findHolders(deps, events, caller)
  return events.flatMap((event) => {
    const found = attribute(event, holders, caller)
    if (typeof found !== 'string') return [found]
    logLost([event], found)
    return []
  })
}

function logLost(events: readonly object[], reason: string): void {
  for (const event of events) log('error', 'usage_lost', { count: 1, reason, events: [event] })
}
