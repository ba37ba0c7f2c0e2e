/**
 * Usage that others report: over HTTP (routes.ts) or by service binding.
 *
 * 1. Each item is read by itself, and told whose it is: what cannot be is rejected alone.
 * 2. What has tokens and a model but no cost is priced.
 * 3. All that is left is written in one statement, and acknowledged once it is in Postgres; or, where the caller lets us,
 *    once it is in the spool.
 */
import type * as z from 'zod'
import { problemIn, sqlState } from '../../db/client.ts'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { attribute, findOwners, type Unattributable } from '../../metering/attribution.ts'
import type { UnattributedEvent, UsageEvent } from '../../metering/event.ts'
import { spoolUnattributed } from '../../metering/spool.ts'
import { storeEach } from '../../metering/store.ts'
import { fieldErrors, PROBLEMS, Problem } from '../../problems.ts'
import { type Item, type Place, type Rejection, readItem } from './read-item.ts'
import { type Recorded, type Spooled, UsageBatch } from './schemas.ts'

type Ingested = z.output<typeof Recorded> | z.output<typeof Spooled>

interface Reporter {
  /** The organization that reports for itself alone; null for a service of the operator's, which reports for any. */
  readonly organizationId: string | null
  /** Whether the events are CloudEvents. */
  readonly isCloudEvents?: boolean
  /** When that happened which has no time of its own, in Unix milliseconds; absent for now. No part of what was sent. */
  readonly at?: number | undefined
}

/** What of a batch may still be counted, and what will not be. */
interface ParsedBatch<E> {
  readonly items: readonly Item<E>[]
  readonly rejected: readonly Rejection[]
}

/**
 * Records reported usage, each event once: a repeat of the same id is told as a duplicate, or as a conflict where it says
 * something else.
 *
 * @param input as it arrived; checked here
 * @returns with `spooled` where the database failed and the events are kept until it is back
 * @throws Problem `invalid_request` for what is no batch, `unavailable` when nothing was kept: then all may be sent again
 */
export async function ingestUsage(deps: Deps, input: unknown, reporter: Reporter): Promise<Ingested> {
  const { events, durability } = parseBatch(input)
  const caller = reporter.organizationId
  const read = await readAll(deps, events, reporter)
  const isSpooling = durability !== 'sync'
  const attributed = await tryOrSpool(isSpooling, () => attributeAll(deps, read, caller))
  const recorded = attributed && (await tryOrSpool(isSpooling, () => write(deps, attributed)))
  return recorded ?? spool(deps, attributed ?? read, caller)
}

function parseBatch(input: unknown): z.output<typeof UsageBatch> {
  const parsed = UsageBatch.safeParse(input)
  if (parsed.success) return parsed.data
  throw new Problem('invalid_request', { errors: fieldErrors('body', parsed.error.issues) })
}

async function readAll(
  deps: Deps,
  events: readonly unknown[],
  { isCloudEvents = false, at }: Reporter,
): Promise<ParsedBatch<UnattributedEvent>> {
  const now = deps.now()
  const read = events.map((raw, index) => readItem(raw, index, { now, at: at ?? now, isCloudEvent: isCloudEvents }))
  const items = read.filter((one) => 'event' in one)
  return { items: await priceItems(items), rejected: read.filter((one) => 'code' in one) }
}

async function priceItems(items: readonly Item[]): Promise<readonly Item[]> {
  if (!items.some(({ event }) => lacksCost(event))) return items
  const { priceTokens } = await import('../pricing/price.ts')
  return items.map((item) => (lacksCost(item.event) ? { ...item, event: withCost(item.event) } : item))

  function withCost(event: UnattributedEvent): UnattributedEvent {
    const { provider, model = '', input_tokens = 0, output_tokens = 0, cached_tokens = 0, occurred_at } = event
    const tokens = { inputTokens: input_tokens, outputTokens: output_tokens, cachedTokens: cached_tokens }
    return { ...event, cost_usd: priceTokens({ provider, model, at: Date.parse(occurred_at), ...tokens }) ?? null }
  }
}

const lacksCost = ({ model, cost_usd, input_tokens, output_tokens }: UnattributedEvent) =>
  Boolean(model) && cost_usd === undefined && (input_tokens !== undefined || output_tokens !== undefined)

/** @returns undefined when a store failed and there is another way; a bug is not that */
async function tryOrSpool<T>(hasOtherWay: boolean, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!hasOtherWay || !(problemIn(error) || sqlState(error))) throw error
    log('warn', 'usage_write_failed', errorFields(error))
    return undefined
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
  return { index, id, code: 'not_storable', detail: 'The database cannot hold this event.' }
}

async function write(deps: Deps, { items, rejected }: ParsedBatch<UsageEvent>): Promise<z.output<typeof Recorded>> {
  const outcomes = await storeEach(
    deps,
    items.map(({ event }) => event),
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

function collectWarnings(items: readonly Item<unknown>[]) {
  const warnings = items.flatMap(({ index, id, warnings: own }) => own.map((warning) => ({ index, id, ...warning })))
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
    throw new Problem('unavailable', { detail: 'Nothing could be kept; send all events again, with the same ids.' })
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
