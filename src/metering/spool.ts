import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { lazily } from '../lib/lazily.ts'
import { errorFields, log } from '../lib/log.ts'
import { count } from '../metrics/count.ts'
import { isEvent, type UnattributedEvent, type UnattributedUsage, type UsageEvent } from './event.ts'
import { listUndrained, markDrained, rememberSpooled, reportLost, storeReceipts } from './spool-receipts.ts'

const loadStore = lazily(() => import('./store.ts'))
const loadAttribution = lazily(() => import('./attribution.ts'))

/** A Redis list of JSON batches that Postgres could not take. */
const SPOOL = 'usage:spool'
/** A set of what was in it and can never be written: values as they were, and arrays of single events. */
const ASIDE = 'usage:aside'
/** Characters of an unreadable value that are logged; all of it is in the set. */
const LOGGED = 2_000
/** How long a run of the job goes on, and how many batches it looks at together. */
export const DRAIN_MS = 45_000
const TAKEN_TOGETHER = 50
/** No batch of the list is larger, so that writing one stays well within a statement's time. */
const SPOOLED_TOGETHER = 500
const UUID = /^[0-9a-f-]{36}$/

type Batch = { readonly events: readonly UsageEvent[] } | UnattributedUsage

/** Keeps events until Postgres takes them. @returns false where Redis fails too, which is logged */
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

/** The same for events of which the database could not be asked whose they are. @throws when Redis fails too */
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

/** Whose an event is, as far as that is known without Postgres. */
const nameHolder = (
  { organization_id, external_id, holder, key_id }: UnattributedEvent,
  caller: string | null,
): string => organization_id ?? caller ?? external_id ?? holder ?? key_id ?? ''

function parts<T>(events: readonly T[]): T[][] {
  const length = Math.ceil(events.length / SPOOLED_TOGETHER)
  return Array.from({ length }, (_, at) => events.slice(at * SPOOLED_TOGETHER, (at + 1) * SPOOLED_TOGETHER))
}

/** The head of the first batch is enough: a batch may be large. */
const MEASURE = defineScript(`local first = redis.call('LINDEX', KEYS[1], 0)
return { redis.call('LLEN', KEYS[1]), redis.call('SCARD', KEYS[2]), first and string.sub(first, 1, 40) or '' }`)

interface SpoolSize {
  /** Batches that wait to be written. */
  readonly batches: number
  /** What was set aside for a person. */
  readonly aside: number
  /** When the first batch was spooled, in Unix milliseconds; undefined where none waits. */
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
 * The first values as they are, each behind a mark: the client would read JSON by itself, and what is removed by its value
 * must be the same to the last character.
 */
const READ = defineScript(`local values = redis.call('LRANGE', KEYS[1], 0, ARGV[1])
for i, value in ipairs(values) do values[i] = '=' .. value end
return values`)

/** Moves a value; nothing is removed that could not be kept. */
const SET_ASIDE = defineScript(`redis.call('SADD', KEYS[2], ARGV[1])
return redis.call('LREM', KEYS[1], 1, ARGV[1])`)

/** A value of the list: as it stands there, and what it says. */
interface Spooled {
  readonly text: string
  /** By which its receipt is known; absent in what somebody put there by hand. */
  readonly id?: string | undefined
  readonly batch: Batch
  /** What is in it and is no event. */
  readonly strays: readonly unknown[]
}

/**
 * Writes what was spooled, for up to most of a minute; the next run goes on. Small batches are written together. Each
 * leaves the list only after it is in Postgres, and by its value, so two runs at once or a run that dies in between write
 * some batches twice, which counts once. What cannot be read or written for good is set aside, and the rest goes on.
 */
export async function drainUsageSpool(deps: Deps) {
  const until = Date.now() + DRAIN_MS
  await storeReceipts(deps)
  const undrained = await listUndrained(deps)
  let drained = 0
  while (Date.now() < until) {
    const values = await runScript<string[]>(deps.redis.shared, READ, [SPOOL], [TAKEN_TOGETHER - 1])
    const texts = values.map((value) => value.slice(1))
    const spooled = texts.flatMap((text) => read(text) ?? [])
    for (const text of texts) if (!read(text)) await setAside(deps, text)
    const taken = selectForOneStatement(spooled)
    if (texts.length === 0 || (taken.length > 0 && !(await writeOrWait(deps, taken)))) break
    drained += taken.length
  }
  const { batches: left, aside } = await measureSpool(deps)
  if (left === 0) await reportLost(deps, undrained)
  return { drained, left, aside }
}

/** @returns undefined for what holds no batch at all */
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
    return undefined // no JSON, or null
  }
}

const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value)

/** Kept for a person, in a set beside the list. */
async function setAside(deps: Deps, text: string): Promise<void> {
  const moved = await runScript<number>(deps.redis.shared, SET_ASIDE, [SPOOL, ASIDE], [text])
  if (moved > 0) logAside(text) // else another run did
}

/** Keeps what came from elsewhere and is no batch. @throws when Redis fails */
export async function keepUnreadable({ redis }: Deps, text: string): Promise<void> {
  await redis.shared.sadd(ASIDE, text)
  logAside(text)
}

const logAside = (text: string) => log('error', 'usage_set_aside', { size: text.length, text: text.slice(0, LOGGED) })

/** The first batches that make a statement together: of events that are told whose they are, or one of the others. */
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

/** @returns false while the database does not take anything: the batches stay for the next run */
async function writeOrWait(deps: Deps, taken: readonly Spooled[]): Promise<boolean> {
  try {
    const attributed = (await Promise.all(taken.map(({ batch }) => attributeEvents(deps, batch)))).flat()
    const events = await deps.priceUsage(attributed) // of those that came when prices could not be read
    const { storeEach } = await loadStore()
    const outcomes = await storeEach(deps, events)
    const refused = events.filter((_, at) => outcomes[at] === 'refused')
    await keepLost(deps, refused, 'refused by the database')
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

async function attributeEvents(deps: Deps, batch: Batch): Promise<readonly UsageEvent[]> {
  return 'caller' in batch ? attributeUsage(deps, batch) : batch.events
}

/**
 * Whose the events are, now that the database can be asked. What is nobody's is in the log, whole, and set aside; an event
 * that cannot even be asked about takes no other with it.
 */
async function attributeUsage(deps: Deps, { events, caller }: UnattributedUsage): Promise<UsageEvent[]> {
  const { attribute, findOwners } = await loadAttribution()
  try {
    const holders = await findOwners(deps, events, caller)
    const found = events.map((event) => ({ event, outcome: attribute(event, holders, caller) }))
    for (const { event, outcome } of found) if (typeof outcome === 'string') await keepLost(deps, [event], outcome)
    return found.flatMap(({ outcome }) => (typeof outcome === 'string' ? [] : [outcome]))
  } catch (error) {
    const { isHopeless } = await loadStore()
    if (!isHopeless(error)) throw error
    if (events.length <= 1) {
      await keepLost(deps, events, 'refused by the database')
      return []
    }
    const half = events.length >> 1
    const parts = [events.slice(0, half), events.slice(half)]
    return (await Promise.all(parts.map((part) => attributeUsage(deps, { events: part, caller })))).flat()
  }
}

/** Logs what is not written, whole, and keeps it for a person. @throws when Redis fails */
export async function keepLost(deps: Deps, events: readonly unknown[], reason: string): Promise<void> {
  for (const event of events) log('error', 'usage_lost', { count: 1, reason, events: [event] })
  if (events.length > 0) await deps.redis.shared.sadd(ASIDE, JSON.stringify(events))
}
