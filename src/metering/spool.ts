import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { lazily } from '../lib/lazily.ts'
import { errorFields, log } from '../lib/log.ts'
import { count } from '../metrics/count.ts'
import { isEvent, type UnattributedEvent, type UnattributedUsage, type UsageEvent } from './event.ts'
import { listUndrained, markDrained, rememberSpooled, reportLost, storeReceipts } from './spool-receipts.ts'

const loadWriting = lazily(() => import('./write-spooled.ts'))

/** A Redis list of JSON batches that Postgres could not accept. */
const SPOOL = 'usage:spool'
/** A set of its entries that can never be written: unreadable values unchanged, and arrays of single events. */
const ASIDE = 'usage:aside'
/** Characters of an unreadable value that are logged; the set has the whole value. */
const LOGGED = 2_000
/** How long a run of the job continues. */
export const DRAIN_MS = 45_000
/** Batches and bytes that it reads together, at least one batch: an answer of Redis must arrive within `REDIS_TIMEOUT_MS`. */
const READ_BATCHES = 50
const READ_BYTES = 500_000
/** No batch in the list is larger, so that writing one stays well within a statement's timeout. */
const SPOOLED_TOGETHER = 500
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type Batch = { readonly events: readonly UsageEvent[] } | UnattributedUsage

/** Stores events until Postgres accepts them. @returns false if Redis fails too, which is logged */
export async function trySpool(deps: Deps, events: readonly UsageEvent[]): Promise<boolean> {
  try {
    await push(
      deps,
      parts(events).map((part) => ({ events: part })),
    )
    count('usageEvents', 'spooled', events.length)
    return true
  } catch (error) {
    log('warn', 'usage_spool_failed', { count: events.length, ...errorFields(error) })
    return false
  }
}

/** The same for events whose owner could not be looked up in the database. @throws when Redis fails too */
export async function spoolUnattributed(deps: Deps, { events, caller }: UnattributedUsage): Promise<void> {
  await push(
    deps,
    parts(events).map((part) => ({ events: part, caller })),
  )
}

async function push(deps: Deps, batches: readonly Batch[]): Promise<void> {
  const at = deps.now()
  const named = batches.map((batch) => ({ at, id: crypto.randomUUID(), ...batch })) // `at` first: see MEASURE
  const [first, ...rest] = named.map((batch) => JSON.stringify(batch))
  if (first !== undefined) await deps.redis.shared.rpush(SPOOL, first, ...rest)
  for (const { id, events, ...batch } of named) {
    const caller = 'caller' in batch ? batch.caller : null
    const organizations = [...new Set(events.map((event) => nameHolder(event, caller)))]
    rememberSpooled({ id, events: events.length, organizations })
  }
}

/** The owner of an event, as far as it is known without Postgres. */
const nameHolder = (
  { organization_id, external_id, holder, key_id }: UnattributedEvent,
  caller: string | null,
): string => organization_id ?? caller ?? external_id ?? holder ?? key_id ?? ''

function parts<T>(events: readonly T[]): T[][] {
  const length = Math.ceil(events.length / SPOOLED_TOGETHER)
  return Array.from({ length }, (_, at) => events.slice(at * SPOOLED_TOGETHER, (at + 1) * SPOOLED_TOGETHER))
}

/** Reads only the beginning of the first batch, because a batch may be large. */
const MEASURE = defineScript(`local first = redis.call('LINDEX', KEYS[1], 0)
return { redis.call('LLEN', KEYS[1]), redis.call('SCARD', KEYS[2]), first and string.sub(first, 1, 40) or '' }`)

interface SpoolSize {
  /** Batches that wait to be written. */
  readonly batches: number
  /** Entries set aside for a person. */
  readonly aside: number
  /** When the first batch was spooled, in Unix milliseconds; undefined if none waits. */
  readonly oldestAt?: number | undefined
}

export async function measureSpool({ redis }: Pick<Deps, 'redis'>): Promise<SpoolSize> {
  const [batches, aside, head] = await runScript<[number, number, string]>(redis.shared, MEASURE, [SPOOL, ASIDE], [])
  const at = /^\{"at":(\d+),/.exec(head)?.[1]
  return { batches, aside, oldestAt: at === undefined ? undefined : Number(at) }
}

/** Whether no batch waits here. */
export async function isSpoolEmpty(deps: Deps): Promise<boolean> {
  return (await deps.redis.shared.llen(SPOOL)) === 0
}

/**
 * The first values unchanged, each with a prefix: otherwise the client would parse the JSON, and a value that is removed by its
 * content must match exactly. ARGV: the most values, and their most bytes beyond the first value.
 */
const READ = defineScript(`local values, bytes = {}, 0
for i = 1, tonumber(ARGV[1]) do
  local value = redis.call('LINDEX', KEYS[1], i - 1)
  if not value then break end
  bytes = bytes + #value
  if i > 1 and bytes > tonumber(ARGV[2]) then break end
  values[i] = '=' .. value
end
return values`)

/** Moves a value; a value that could not be stored is not removed. */
const SET_ASIDE = defineScript(`redis.call('SADD', KEYS[2], ARGV[1])
return redis.call('LREM', KEYS[1], 1, ARGV[1])`)

/** A value of the list: its exact text, and its content. */
interface Spooled {
  readonly text: string
  /** The id of its receipt; absent if a person put it there manually. */
  readonly id?: string | undefined
  readonly batch: Batch
  /** Values in it that are not events. */
  readonly strays: readonly unknown[]
}

/**
 * Writes spooled usage, for up to most of a minute; the next run continues. Small batches are written together. Each
 * leaves the list only after it is in Postgres, and by its value. So concurrent or crashed runs write
 * some batches twice, which counts once. Entries that can never be read or written are set aside, and the rest continues.
 */
export async function drainUsageSpool(deps: Deps) {
  const until = Date.now() + DRAIN_MS
  await storeReceipts(deps)
  const undrained = await listUndrained(deps)
  let drained = 0
  for (let spooled = await readFirst(deps); spooled && Date.now() < until; spooled = await readFirst(deps)) {
    const written = await writeAll(deps, spooled, until)
    drained += written
    if (written < spooled.length) break
  }
  const { batches: left, aside } = await measureSpool(deps)
  if (left === 0) await reportLost(deps, undrained)
  return { drained, left, aside }
}

/** The first batches. Values that are none are set aside. @returns undefined if the list is empty */
async function readFirst(deps: Deps): Promise<readonly Spooled[] | undefined> {
  const values = await runScript<string[]>(deps.redis.shared, READ, [SPOOL], [READ_BATCHES, READ_BYTES])
  const found = values.map((value) => ({ text: value.slice(1), spooled: read(value.slice(1)) }))
  for (const { text, spooled } of found) if (!spooled) await setAside(deps, text)
  return found.length === 0 ? undefined : found.flatMap(({ spooled }) => spooled ?? [])
}

/** @returns how many batches were written, of the first ones: fewer than all once the database accepts nothing, or time is over */
async function writeAll(deps: Deps, spooled: readonly Spooled[], until: number): Promise<number> {
  let written = 0
  while (written < spooled.length && Date.now() < until) {
    const taken = selectForOneStatement(spooled.slice(written))
    if (!(await writeOrWait(deps, taken))) break
    written += taken.length
  }
  return written
}

/** @returns undefined if the value contains no batch at all */
function read(text: string): Spooled | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const { id, events, caller } = (Array.isArray(value) ? { events: value } : value) as Record<string, unknown>
    if (!Array.isArray(events)) return undefined
    const known = { text, id: isUuid(id) ? id : undefined, strays: events.filter((one) => !isEvent(one)) }
    const batch = { events: events.filter(isEvent) }
    if (caller === null || typeof caller === 'string') return { ...known, batch: { ...batch, caller } }
    const isAttributed = caller === undefined && (Array.isArray(value) || known.id !== undefined)
    return isAttributed ? { ...known, batch } : undefined
  } catch {
    return undefined // not JSON, or null
  }
}

const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value)

/** Stored for a person, in a set beside the list. */
async function setAside(deps: Deps, text: string): Promise<void> {
  const moved = await runScript<number>(deps.redis.shared, SET_ASIDE, [SPOOL, ASIDE], [text])
  if (moved > 0) logAside(text) // else another run did
}

/** Stores a value from elsewhere that is not a batch. @throws when Redis fails */
export async function keepUnreadable({ redis }: Deps, text: string): Promise<void> {
  await redis.shared.sadd(ASIDE, text)
  logAside(text)
}

const logAside = (text: string) => log('error', 'usage_set_aside', { size: text.length, text: text.slice(0, LOGGED) })

/** The first batches for one statement: several whose events have owners, or one of the others. */
function selectForOneStatement(batches: readonly Spooled[]): readonly Spooled[] {
  const [first] = batches
  if (!first || 'caller' in first.batch) return batches.slice(0, 1)
  let events = 0
  const end = batches.findIndex(({ batch }) => {
    events += 'caller' in batch ? SPOOLED_TOGETHER : batch.events.length
    return events > SPOOLED_TOGETHER
  })
  return batches.slice(0, end === -1 ? batches.length : Math.max(1, end))
}

/** @returns false while the database accepts nothing: the batches stay for the next run */
async function writeOrWait(deps: Deps, taken: readonly Spooled[]): Promise<boolean> {
  try {
    const { mergeBatches, writeEach } = await loadWriting()
    const lost = await writeEach(deps, mergeBatches(taken.map(({ batch }) => batch)))
    for (const { event, reason } of lost) await keepLost(deps, [event], reason)
    await keepLost(
      deps,
      taken.flatMap(({ strays }) => strays),
      'unreadable',
    )
    await markDrained(
      deps,
      taken.flatMap(({ id }) => id ?? []),
    )
  } catch (error) {
    const events = taken.reduce((sum, { batch }) => sum + batch.events.length, 0)
    log('warn', 'usage_drain_failed', { count: events, ...errorFields(error) })
    return false
  }
  await Promise.all(taken.map(({ text }) => deps.redis.shared.lrem(SPOOL, 1, text)))
  return true
}

/** Logs events that are not written, whole, and stores them for a person. @throws when Redis fails */
export async function keepLost(deps: Deps, events: readonly unknown[], reason: string): Promise<void> {
  for (const event of events) log('error', 'usage_lost', { count: 1, reason, events: [event] })
  if (events.length > 0) await deps.redis.shared.sadd(ASIDE, JSON.stringify(events))
}
