/**
 * Reported usage, over HTTP (routes.ts) or by service binding.
 *
 * 1. Each item is parsed and attributed on its own; an invalid item is rejected without affecting others.
 * 2. Items with tokens and a model but no cost are priced; use of a reservation by the reservation's model.
 * 3. The remaining items are written in one statement, and acknowledged once they are in Postgres, or, if the caller
 *    allows it, once they are in the spool.
 */
import type * as z from 'zod'
import { problemIn, sqlState } from '../../db/client.ts'
import type { Deps } from '../../deps.ts'
import { fieldErrors } from '../../field-errors.ts'
import { errorFields, log } from '../../lib/log.ts'
import { attribute, findOwners, type Unattributable } from '../../metering/attribution.ts'
import type { SettledHold, UnattributedEvent, UsageEvent } from '../../metering/event.ts'
import { spoolUnattributed } from '../../metering/spool.ts'
import { storeEach } from '../../metering/store.ts'
import { PROBLEMS, Problem } from '../../problems.ts'
import type { HoldTrace } from '../reservations/trace.ts'
import { checkQuantities } from './check-quantities.ts'
import { type Item, type Place, type Rejection, readItem } from './read-item.ts'
import { addReservedModel, addReservedModels, dropForeign, markUnpriced, warnUnpriced } from './reserved-model.ts'
import { type Recorded, type Spooled, UsageBatch } from './schemas.ts'

type Ingested = z.output<typeof Recorded> | z.output<typeof Spooled>

interface Reporter {
  /** The organization that reports, only for itself; null for an operator's service, which may report for any. */
  readonly organizationId: string | null
  /** Whether the events are CloudEvents. */
  readonly isCloudEvents?: boolean
  /**
   * The time of events without one, in Unix milliseconds; defaults to now. It does not count as part of what was sent.
   */
  readonly at?: number | undefined
  /** For a settlement: the hold that ends with its event, and the hold's key, subject and model, for an event without them. */
  readonly settles?: Settles
}

interface Settles {
  readonly hold: SettledHold
  readonly key_id?: string | undefined
  readonly subject?: string | undefined
  /** What Redis has about the hold; undefined if that is lost. */
  readonly trace: HoldTrace | undefined
  /** Takes the event's id if the hold ended now. */
  readonly released: Set<string>
}

/** The items of a batch that may still be counted, and the rejected ones. */
interface ParsedBatch<E> {
  readonly items: readonly Item<E>[]
  readonly rejected: readonly Rejection[]
}

/**
 * Records reported usage, each event once: a repeat of an id is reported as a duplicate, or as a conflict if its
 * content differs.
 *
 * @param input as it arrived; validated here
 * @returns with `spooled` if the database failed and the events are kept until it is back
 * @throws Problem `invalid_request` if the input is not a batch, `unavailable` if nothing was kept; then everything may
 *   be sent again
 */
export async function ingestUsage(deps: Deps, input: unknown, reporter: Reporter): Promise<Ingested> {
  const { events, durability } = parseBatch(input)
  const caller = reporter.organizationId
  const read = await readAll(deps, events, reporter)
  const isSpooling = durability !== 'sync'
  const checked = await tryOrSpool(isSpooling, () => checkAll(deps, read))
  const priced = checked && (await tryOrSpool(isSpooling, () => priceAll(deps, checked)))
  const attributed = priced && (await tryOrSpool(isSpooling, () => attributeAll(deps, priced, caller)))
  const released = reporter.settles?.released
  const recorded = attributed && (await tryOrSpool(isSpooling, () => write(deps, attributed, released)))
  return recorded ?? spool(deps, attributed ?? priced ?? checked ?? read, caller)
}

function parseBatch(input: unknown): z.output<typeof UsageBatch> {
  const parsed = UsageBatch.safeParse(input)
  if (parsed.success) return parsed.data
  throw new Problem('invalid_request', { errors: fieldErrors('body', parsed.error.issues) })
}

async function readAll(
  deps: Deps,
  events: readonly unknown[],
  { organizationId, isCloudEvents = false, at, settles }: Reporter,
): Promise<ParsedBatch<UnattributedEvent>> {
  const now = deps.now()
  const read = events.map((raw, index) => readItem(raw, index, { now, at: at ?? now, isCloudEvent: isCloudEvents }))
  const items = read.filter((one) => 'event' in one)
  const told = settles
    ? items.map((item) => ({ ...item, event: withHold(item.event, settles) }))
    : await addReservedModels(
        deps,
        items.map((item) => dropForeign(item, organizationId)),
      )
  return { items: told, rejected: read.filter((one) => 'code' in one) }
}

/** The hold's key, subject and model are not part of what was sent. */
function withHold(event: UnattributedEvent, { hold, key_id, subject, trace }: Settles): UnattributedEvent {
  const [ownKey, ownSubject] = [event.key_id ?? key_id, event.subject ?? subject]
  return {
    ...addReservedModel(event, trace),
    ...(ownKey && { key_id: ownKey }),
    ...(ownSubject && { subject: ownSubject }),
    settles: hold,
  }
}

/** @throws if the operator's own prices cannot be read: the events then wait in the spool */
async function priceAll(deps: Deps, { items, rejected }: ParsedBatch<UnattributedEvent>) {
  const events = await deps.priceUsage(items.map(({ event }) => event))
  return {
    items: items.map((item, at) => ({ ...item, event: markUnpriced(item, events[at] ?? item.event) })),
    rejected,
  }
}

/** @returns undefined if a store failed and the spool can be used instead; a bug is thrown */
async function tryOrSpool<T>(hasOtherWay: boolean, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!hasOtherWay || !(problemIn(error) || sqlState(error))) throw error
    log('warn', 'usage_write_failed', errorFields(error))
    return undefined
  }
}

async function checkAll(
  deps: Deps,
  { items, rejected }: ParsedBatch<UnattributedEvent>,
): Promise<ParsedBatch<UnattributedEvent>> {
  const checked = await checkQuantities(deps, items)
  return {
    items: checked.filter((one) => 'event' in one),
    rejected: [...rejected, ...checked.filter((one) => 'code' in one)],
  }
}

async function attributeAll(
  deps: Deps,
  { items, rejected }: ParsedBatch<UnattributedEvent>,
  caller: string | null,
): Promise<ParsedBatch<UsageEvent>> {
  const holders = await findOwners(
    deps,
    items.map(({ event }) => event),
    caller,
  )
  const found = items.map(({ event, ...place }) => {
    const owned = attribute(event, holders, caller)
    return typeof owned === 'string' ? { ...place, ...UNATTRIBUTABLE[owned] } : { ...place, event: owned }
  })
  return {
    items: found.filter((one) => 'event' in one),
    rejected: [...rejected, ...found.filter((one) => 'code' in one)],
  }
}

const UNATTRIBUTABLE: Record<Unattributable, Pick<Rejection, 'code' | 'detail'>> = {
  holder_missing: { code: 'invalid_event', detail: 'key_id: give this, organization_id or external_id' },
  key_not_found: { code: 'key_not_found', detail: PROBLEMS.key_not_found[1] },
  organization_not_found: { code: 'organization_not_found', detail: PROBLEMS.organization_not_found[1] },
  organization_mismatch: { code: 'organization_mismatch', detail: PROBLEMS.organization_mismatch[1] },
}

function notStorable({ index, id }: Place): Rejection {
  return { index, id, code: 'not_storable', detail: 'The database cannot store this event.' }
}

async function write(
  deps: Deps,
  { items, rejected }: ParsedBatch<UsageEvent>,
  released?: Set<string>,
): Promise<z.output<typeof Recorded>> {
  const outcomes = await storeEach(
    deps,
    items.map(({ event }) => event),
    released,
  )
  const places = items.map(({ index, id }): Place => ({ index, id }))
  const having = (outcome: string) => places.filter((_, at) => outcomes[at] === outcome)
  return {
    accepted: having('accepted').length,
    duplicates: having('duplicate').length,
    conflicts: having('conflict'),
    rejected: inOrder([...rejected, ...having('refused').map(notStorable)]),
    ...collectWarnings(items),
  }
}

const inOrder = (rejected: readonly Rejection[]) => rejected.toSorted((one, other) => one.index - other.index)

function collectWarnings(items: readonly Item[]) {
  const warnings = items.flatMap((item) => {
    const { index, id } = item
    return [...item.warnings, ...warnUnpriced(item)].map((warning) => Object.assign({ index, id }, warning))
  })
  return warnings.length > 0 && { warnings }
}

/** @throws Problem `unavailable` when the spool fails as well */
async function spool(
  deps: Deps,
  { items, rejected }: ParsedBatch<UnattributedEvent>,
  caller: string | null,
): Promise<z.output<typeof Spooled>> {
  try {
    await spoolUnattributed(deps, { events: items.map(({ event }) => event), caller })
  } catch (error) {
    log('warn', 'usage_spool_failed', { count: items.length, ...errorFields(error) })
    throw new Problem('unavailable', { detail: 'No event could be stored. Send all events again, with the same ids.' })
  }
  return {
    accepted: items.length,
    duplicates: 0,
    conflicts: [],
    rejected: inOrder(rejected),
    spooled: true,
    ...collectWarnings(items),
  }
}
