/** Parses what was sent, item by item: into an event that can be counted, or the reason why it cannot. No I/O, no clock. */

import * as z from 'zod'
import { fieldErrors } from '../../field-errors.ts'
import { uuid } from '../../http/fields.ts'
import { sha256Hex } from '../../lib/bytes.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import type { HoldRef } from '../../limits/holds/holds.ts'
import type { UnattributedEvent } from '../../metering/event.ts'
import { cleanDescription, type Warning } from '../describe.ts'
import { normalizeName } from '../normalize-name.ts'
import { holdEventId, parseReservationId } from '../reservation-id.ts'
import { resolveTokens, TOKEN_FIELDS } from '../tokens.ts'
import { fromCloudEvent, type Report } from './cloud-events.ts'
import { type RejectionCode, ReportedEvent } from './schemas.ts'

export interface Place {
  readonly index: number
  /** As its sender knows it; null if the sender gave none. */
  readonly id: string | null
}

export interface Item<E = UnattributedEvent> extends Place {
  readonly event: E
  readonly warnings: readonly Warning[]
  /** The reservation whose use it is. */
  readonly reservation?: HoldRef | undefined
}

export interface Rejection extends Place {
  readonly code: RejectionCode
  readonly detail: string
}

/** The id of an older event may be forgotten, and a repeat would count twice (`DEDUPE_DAYS` of the jobs is one day more). */
const OLDEST_MS = 35 * 86_400_000
/** How far a sender's clock may be ahead. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000

/** Separates ids of reports from those of verifications: one request may be verified and metered under one id. */
export const SOURCE = 'usage'

interface Reading {
  readonly now: number
  /** The time of an event that has none: a settlement may belong to a period that ended long ago. */
  readonly at: number
  readonly isCloudEvent: boolean
}

export function readItem(raw: unknown, index: number, { now, at, isCloudEvent }: Reading): Item | Rejection {
  const report: Report | z.ZodError = isCloudEvent ? fromCloudEvent(raw) : { event: raw, id: readId(raw) }
  if (report instanceof z.ZodError)
    return { index, id: readId(raw), code: 'invalid_event', detail: describeIssues(report) }
  const place = { index, id: report.id }
  const { event, warnings } = cleanDescription(report.event)
  const reservation = readReservation(event)
  const parsed = parse(nameAsSettled(event, reservation))
  if (!parsed.success) return { ...place, code: 'invalid_event', detail: describeIssues(parsed.error) }
  const occurredAt = parsed.data.timestamp ? Date.parse(parsed.data.timestamp) : at
  if (parsed.data.timestamp && occurredAt < now - OLDEST_MS)
    return { ...place, code: 'too_old', detail: 'It happened more than 35 days ago.' }
  if (occurredAt > now + MAX_CLOCK_SKEW_MS)
    return { ...place, code: 'in_future', detail: 'It lies more than 5 minutes ahead.' }
  const tokens = resolveTokens(parsed.data)
  if ('field' in tokens) return { ...place, code: 'invalid_event', detail: `${tokens.field}: ${tokens.message}` }
  return {
    ...place,
    warnings,
    reservation,
    event: toEvent({ ...parsed.data, ...NO_TOKENS, ...tokens }, report, { occurredAt, now }),
  }
}

/** Removes the reported counts, which the resolved counts replace. */
const NO_TOKENS = Object.fromEntries(TOKEN_FIELDS.map((field) => [field, undefined]))

function readReservation(event: unknown): HoldRef | undefined {
  if (typeof event !== 'object' || event === null || !('id' in event) || typeof event.id !== 'string') return undefined
  return parseReservationId(event.id)
}

/** A client that does not know whether its settlement arrived reports the use under the reservation's id, and it counts once. */
const nameAsSettled = (event: unknown, reservation: HoldRef | undefined): unknown =>
  reservation ? { ...Object(event), id: holdEventId(reservation) } : event

/** Nesting that is too deep for the schema must not fail the whole batch. */
function parse(event: unknown) {
  try {
    return ReportedEvent.safeParse(event)
  } catch {
    const issue = { code: 'custom' as const, path: [], message: 'is nested too deeply', input: undefined }
    return { success: false as const, error: new z.ZodError([issue]) }
  }
}

function toEvent(
  reported: z.output<typeof ReportedEvent>,
  { identity, holder }: Pick<Report, 'identity' | 'holder'>,
  { occurredAt, now }: { occurredAt: number; now: number },
): UnattributedEvent {
  const { id, timestamp, request_id, ...fields } = dropUndefined(reported)
  const named = { ...normalizeNames(fields), ...(holder !== undefined && { holder }) }
  return {
    ...named,
    id: identity ?? id ?? uuidv7(now),
    source: SOURCE,
    occurred_at: toStoredMoment(occurredAt, id),
    ...(request_id && { requests: 0, completes: request_id }), // the verification is the request
    payload_hash: sha256Hex(canonicalJson({ ...named, ...asSent(named), request_id, timestamp })),
  }
}

/** A CloudEvent's subject is hashed as `subject`, its name there. */
const asSent = ({ holder, subject }: { readonly holder?: string; readonly subject?: string }) =>
  holder === undefined || subject !== undefined ? {} : { holder: undefined, subject: holder }

/** One spelling for each model, provider and method, so that statistics have one row for it. */
function normalizeNames<
  T extends { model?: string; provider?: string; method?: string; endpoint?: string; route?: string },
>(fields: T): T {
  const { model, provider, method, endpoint, route } = fields
  return {
    ...fields,
    ...(model !== undefined && { model: normalizeName(model) }),
    ...(provider !== undefined && { provider: normalizeName(provider) }),
    ...(method !== undefined && { method: method.trim().toUpperCase() }),
    ...(endpoint !== undefined && { endpoint: endpoint.trim() }),
    ...(route !== undefined && { route: route.trim() }),
  }
}

/**
 * Raw events are stored by time and id. A report with the id of its verification and the same millisecond is stored one
 * microsecond later, so that the two do not collide.
 */
function toStoredMoment(occurredAt: number, id: string | undefined): string {
  const moment = new Date(occurredAt).toISOString()
  return id !== undefined && uuid.safeParse(id).success ? moment.replace('Z', '001Z') : moment
}

type Given<T> = { [K in keyof T]?: NonNullable<T[K]> }

/** Without fields that are absent or null. */
function dropUndefined<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as Given<T>
}

/** @returns the id in a value of any type, to tell its sender which item is meant */
function readId(raw: unknown): string | null {
  const id = typeof raw === 'object' && raw !== null && 'id' in raw ? raw.id : undefined
  return typeof id === 'string' ? id.slice(0, 255) : null
}

function describeIssues({ issues }: z.ZodError): string {
  const errors = fieldErrors('event', issues)
  return errors
    .map(({ path, message }) => [path.replace(/^event\.?/, ''), message].filter(Boolean).join(': '))
    .join('; ')
}
