/** What was sent, item by item: an event that can be counted, or why it cannot. No I/O, no clock. */
import * as z from 'zod'
import { sha256Hex } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { fromCloudEvent, type Report } from './cloud-events.ts'
import type { UnattributedEvent } from './event.ts'
import { type RejectionCode, ReportedEvent } from './ingest-schemas.ts'

export interface Place {
  readonly index: number
  /** As its sender knows it; null where they gave none. */
  readonly id: string | null
}

export interface Item<E = UnattributedEvent> extends Place {
  readonly event: E
}

export interface Rejection extends Place {
  readonly code: RejectionCode
  readonly detail: string
}

/** Later than this its id may be forgotten, and a repeat would count twice (`DEDUPE_DAYS` of the jobs is one more). */
const OLDEST_MS = 35 * 86_400_000
/** What a clock may be fast. */
const AHEAD_MS = 5 * 60_000

/** Ids of what is reported are apart from those of verifications: one request may be verified and metered under one id. */
export const SOURCE = 'usage'

interface Reading {
  readonly now: number
  readonly isCloudEvent: boolean
}

export function readItem(raw: unknown, index: number, { now, isCloudEvent }: Reading): Item | Rejection {
  const report: Report | z.ZodError = isCloudEvent ? fromCloudEvent(raw) : { event: raw, id: idOf(raw) }
  if (report instanceof z.ZodError) return { index, id: idOf(raw), code: 'invalid_event', detail: detailOf(report) }
  const place = { index, id: report.id }
  const parsed = parse(report.event)
  if (!parsed.success) return { ...place, code: 'invalid_event', detail: detailOf(parsed.error) }
  const occurredAt = parsed.data.timestamp ? Date.parse(parsed.data.timestamp) : now
  if (occurredAt < now - OLDEST_MS) return { ...place, code: 'too_old', detail: 'It happened more than 35 days ago.' }
  if (occurredAt > now + AHEAD_MS) return { ...place, code: 'in_future', detail: 'It lies more than 5 minutes ahead.' }
  return { ...place, event: toEvent(parsed.data, report, { occurredAt, now }) }
}

/** Deeper nesting than the schema can follow is no reason to fail the whole batch. */
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
  { identity, subject }: Pick<Report, 'identity' | 'subject'>,
  { occurredAt, now }: { occurredAt: number; now: number },
): UnattributedEvent {
  const { id, timestamp, ...fields } = given(reported)
  const named = { ...fields, ...(subject !== undefined && { subject }) }
  return {
    ...named,
    id: identity ?? id ?? uuidv7(now),
    source: SOURCE,
    occurred_at: new Date(occurredAt).toISOString(),
    payload_hash: sha256Hex(canonical({ ...named, timestamp })),
  }
}

type Given<T> = { [K in keyof T]?: NonNullable<T[K]> }

/** Without what was left out, in either of the two ways. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as Given<T>
}

/** One text for all orders in which the members of an object may come. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  const sorted = members.toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`
}

/** @returns the id of what may be anything, to tell its sender which one is meant */
function idOf(raw: unknown): string | null {
  const id = typeof raw === 'object' && raw !== null && 'id' in raw ? raw.id : undefined
  return typeof id === 'string' ? id.slice(0, 255) : null
}

function detailOf({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ')
}
