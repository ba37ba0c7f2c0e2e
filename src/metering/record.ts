import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { sleep } from '../lib/sleep.ts'
import { count, observe } from '../metrics/count.ts'
import { flushWhenDue } from '../metrics/flush.ts'
import type { UsageEvent } from './event.ts'
import { sendUsage, type UsageQueue } from './queue.ts'
import { trySpool } from './spool.ts'
import { writeUsage } from './write.ts'

/** Measured: batches of several hundred events bring 26-42 times the throughput of single events. */
const BATCH_EVENTS = 500
const BATCH_MS = 100
/**
 * After this time, the request that opened the batch is presumed dead, and another that added to the batch writes it.
 */
const TAKEOVER_MS = 3_000
/**
 * No attempt begins after this time. One attempt takes up to 7 s when the queue and both stores hang, a backup writer starts
 * 3 s late, and the platform ends deferred work after 30 s. So the log entry below is always reached.
 */
const RETRY_UNTIL_MS = 19_000
/** How many ids of merged refusals are stored for the request inspector; more would let a hammering client fill the database. */
const MERGED_IDS = 20
/**
 * How many different refusals of one key with one code a batch keeps apart. Without a limit, a client could fill the
 * database by varying its input.
 */
const TOLD_APART = 20
/** A log entry holds 256 KB. */
const EVENTS_PER_LOG_ENTRY = 100

interface GatheredEvents {
  readonly uses: UsageEvent[]
  /** By their common fields. */
  readonly refusals: Map<string, UsageEvent>
  /** By key and code: how many different refusals there are, and the event into which all further ones are merged. */
  readonly apart: Map<string, number>
  readonly others: Map<string, UsageEvent>
}

interface Batch {
  readonly gathered: GatheredEvents
  /** Closes the batch before its time is up. */
  close(): void
  readonly written: Promise<void>
  hasGuardian: boolean
}

/** The isolate's open batch. It is lost with the isolate; callers that need more wait for the write instead. */
let open: Batch | undefined

/**
 * Adds an event to the isolate's open batch, which is written within 100 ms, after the response. Never fails and never
 * delays the caller.
 *
 * @returns whether the event itself is stored, so that the caller may complete it now; false if it was merged into another
 */
export function recordUsage(deps: Deps, event: UsageEvent): boolean {
  if (!open) open = openBatch(deps)
  else if (!open.hasGuardian) guard(deps, open)
  const isKept = addTo(open.gathered, event)
  if (countEvents(open.gathered) < BATCH_EVENTS) return isKept
  open.close()
  open = undefined // the next event opens another batch, even before this one's writer has run
  return isKept
}

/**
 * Refusals of one key with the same code, method, address, subject and endpoint become one event, so that a client that
 * hammers with a dead key cannot fill the database. All refusals beyond the first {@link TOLD_APART} different ones of
 * a key and code become one event without method, address, subject and endpoint. Real usage is never merged; the SQL
 * statement deduplicates it.
 */
function addTo({ uses, refusals, apart, others }: GatheredEvents, event: UsageEvent): boolean {
  if (!event.error_code || event.api_calls) {
    uses.push(event)
    return true
  }
  const { key_id, error_code, method, ip, subject, endpoint } = event
  const group = JSON.stringify([key_id, error_code])
  const slot = JSON.stringify([group, method, ip, subject, endpoint])
  if (refusals.has(slot)) return mergeInto(refusals, slot, event)
  const known = apart.get(group) ?? 0
  if (known >= TOLD_APART) return mergeInto(others, group, event)
  apart.set(group, known + 1)
  return mergeInto(refusals, slot, event)
}

/** @returns whether it is the first event of its place */
function mergeInto(places: Map<string, UsageEvent>, place: string, event: UsageEvent): boolean {
  const known = places.get(place)
  places.set(place, known ? merge(known, event) : event)
  return known === undefined
}

function merge(known: UsageEvent, { id }: UsageEvent): UsageEvent {
  if (known.trace) {
    const also = (known.trace.also ??= [])
    if (also.length < MERGED_IDS) also.push(id)
  }
  return { ...known, requests: (known.requests ?? 1) + 1 }
}

const countEvents = ({ uses, refusals, others }: GatheredEvents) => uses.length + refusals.size + others.size
const listEvents = ({ uses, refusals, others }: GatheredEvents) => [
  ...uses,
  ...refusals.values(),
  ...[...others.values()].map(nameNobody),
]
/**
 * Removes the fields that differ between merged refusals. It copies the event only when the batch is written, because
 * until then the caller may still set the event's trace.
 */
function nameNobody(event: UsageEvent): UsageEvent {
  return { ...event, method: '', endpoint: '', subject: null, ip: null, user_agent: null }
}

function openBatch(deps: Deps): Batch {
  const full = Promise.withResolvers<void>()
  const gathered = { uses: [], refusals: new Map(), apart: new Map(), others: new Map() }
  const written = gatherThenWrite(deps, gathered, full.promise)
  deps.defer(written)
  return { gathered, close: full.resolve, written, hasGuardian: false }
}

async function gatherThenWrite(deps: Deps, gathered: GatheredEvents, full: Promise<void>): Promise<void> {
  await within(BATCH_MS, full)
  if (open?.gathered === gathered) open = undefined
  await persist(deps, listEvents(gathered))
}

/**
 * Backup writer: if the request that opened the batch is canceled, a second request writes the batch after a timeout.
 * Writes are idempotent.
 */
function guard(deps: Deps, batch: Batch): void {
  batch.hasGuardian = true
  deps.defer(takeOver(deps, batch))
}

async function takeOver(deps: Deps, batch: Batch): Promise<void> {
  if (await within(TAKEOVER_MS, batch.written)) return
  if (open === batch) open = undefined
  await persist(deps, listEvents(batch.gathered))
}

/**
 * Sends events to the queue if there is one. Without one, or if it fails, writes them to Postgres, or to the spool that a
 * job drains into Postgres. While all fail, it retries for as long as the platform allows. Events that are lost after that are
 * logged in full.
 */
async function persist(deps: Deps, events: readonly UsageEvent[]): Promise<void> {
  const started = deps.now()
  observe('batchEvents', '', events.length)
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 4_000)) {
    const stored = await tryStores(deps, events)
    if (stored) return
    if (deps.now() - started + pauseMs > RETRY_UNTIL_MS) break
    await sleep(pauseMs)
  }
  count('usageEvents', 'lost', events.length)
  for (let at = 0; at < events.length; at += EVENTS_PER_LOG_ENTRY) {
    const lost = events.slice(at, at + EVENTS_PER_LOG_ENTRY)
    log('error', 'usage_lost', { count: lost.length, events: lost })
  }
}

async function tryStores(deps: Deps, events: readonly UsageEvent[]): Promise<boolean> {
  if (deps.usageQueue && (await trySend(deps, deps.usageQueue, events))) return true
  try {
    await writeUsage(deps, events) // the counters already include the units of verifications
    count('usageEvents', 'written', events.length)
    notifyRefusals(deps, events)
    flushWhenDue(deps)
    return true
  } catch (error) {
    log('warn', 'usage_write_failed', { count: events.length, ...errorFields(error) })
  }
  return trySpool(deps, events)
}

async function trySend(deps: Deps, queue: UsageQueue, events: readonly UsageEvent[]): Promise<boolean> {
  try {
    await sendUsage(queue, events)
    count('usageEvents', 'queued', events.length)
    flushWhenDue(deps)
    return true
  } catch (error) {
    log('warn', 'usage_queue_failed', { count: events.length, ...errorFields(error) })
    return false
  }
}

function notifyRefusals(deps: Deps, events: readonly UsageEvent[]): void {
  const refusals = events.filter(({ error_code }) => error_code === 'RATE_LIMITED')
  if (refusals.length > 0) deps.notifyRefusals(refusals)
}

/** @returns whether `work` ended within that time */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  const timeout = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => timeout.resolve('late'), ms)
  const first = await Promise.race([work, timeout.promise])
  clearTimeout(timer)
  return first !== 'late'
}
