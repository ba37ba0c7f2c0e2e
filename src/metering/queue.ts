/**
 * The queue for usage, if one is bound as `USAGE_QUEUE` (docs/operate/scale.md): the messages that isolates send, and how
 * far behind it is. Its consumer is consume-queue.ts.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { waitFor } from '../lib/waiting.ts'
import { count } from '../metrics/count.ts'
import { isEvent, type UsageEvent } from './event.ts'
import { isSpoolEmpty } from './spool.ts'

/** The part of a binding of Cloudflare Queues that isolates need. */
export interface UsageQueue {
  sendBatch(messages: readonly { readonly body: string; readonly contentType: 'text' }[]): Promise<unknown>
  metrics(): Promise<{ readonly backlogCount: number; readonly oldestMessageTimestamp?: Date }>
}

/** The `v` of a message. Increment it if the consumer of the previous release would misread a message. */
const VERSION = 1
/** Leaves room in the 128,000 bytes that a message may have, and in the 256,000 of one send. */
const MESSAGE_BYTES = 120_000
const SENT_TOGETHER = 2
/** After this time the batch is written without the queue. If it was sent anyway, it counts once. */
const SEND_TIMEOUT_MS = 1_000
/** A queue that does not respond within this time is assumed to be behind. */
const METRICS_TIMEOUT_MS = 2_000

/** @throws when the queue does not accept all of it; it may have accepted some */
export async function sendUsage(queue: UsageQueue, events: readonly UsageEvent[]): Promise<void> {
  const bodies = pack(events)
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(new Error('the queue did not answer in time')), SEND_TIMEOUT_MS)
  try {
    await Promise.race([sendAll(queue, bodies), timeout.promise])
    count('queueMessages', 'sent', bodies.length)
  } catch (error) {
    count('queueMessages', 'unsent', bodies.length)
    throw error
  } finally {
    clearTimeout(timer)
  }
}

async function sendAll(queue: UsageQueue, bodies: readonly string[]): Promise<void> {
  for (let at = 0; at < bodies.length; at += SENT_TOGETHER)
    await sendBodies(queue, bodies.slice(at, at + SENT_TOGETHER))
}

/** Sends bodies that were read from the queue, or packed for it. */
export async function sendBodies(queue: UsageQueue, bodies: readonly string[]): Promise<void> {
  await queue.sendBatch(bodies.map((body) => ({ body, contentType: 'text' })))
}

/** Packs as few messages as their size allows: as text, so that the measured size is the sent size. */
function pack(events: readonly UsageEvent[]): string[] {
  const encoder = new TextEncoder()
  const messages: string[][] = []
  let room = 0
  for (const event of events) {
    const text = JSON.stringify(event)
    const bytes = encoder.encode(text).length + 1
    if (bytes > MESSAGE_BYTES) throw new RangeError('an event is larger than a message of the queue')
    if (bytes > room) {
      messages.push([])
      room = MESSAGE_BYTES
    }
    messages.at(-1)?.push(text)
    room -= bytes
  }
  return messages.map((texts) => `{"v":${VERSION},"events":[${texts.join(',')}]}`)
}

interface ReadMessage {
  readonly events: readonly UsageEvent[]
  /** Values in it that are not events. */
  readonly strays: readonly unknown[]
}

/** @returns `other` for a message of another version, undefined if it is not a usage message at all */
export function readMessage(body: unknown): ReadMessage | 'other' | undefined {
  try {
    const { v, events } = (typeof body === 'string' ? JSON.parse(body) : body) as Record<string, unknown>
    if (typeof v === 'number' && v !== VERSION) return 'other'
    if (v !== VERSION || !Array.isArray(events)) return undefined
    return { events: events.filter(isEvent), strays: events.filter((one) => !isEvent(one)) }
  } catch {
    return undefined // not JSON, or null
  }
}

/** A flag in Redis: messages were postponed. */
const BEHIND = 'usage:behind'
/** Longer than a message is postponed plus the time to write it. */
const BEHIND_SECONDS = 900
/** If a message has waited this long, it was not delivered as soon as possible. */
const LATE_MS = 30_000

/** Records that messages wait which could not be written: the queue's own figures may exclude them. Never fails. */
export async function markBehind({ redis }: Deps): Promise<void> {
  try {
    await redis.shared.set(BEHIND, 1, { ex: BEHIND_SECONDS })
  } catch (error) {
    log('warn', 'usage_queue_unmarked', errorFields(error))
  }
}

/**
 * Whether everything that was recorded is in Postgres, except what isolates have been sending there for less than half a
 * minute.
 */
export async function isAllWritten(deps: Deps): Promise<boolean> {
  // The queue first: events move from it to the spool and never back, so this order misses none.
  if (deps.usageQueue && (await isQueueBehind(deps))) return false
  return isSpoolEmpty(deps)
}

/** Uses the queue's own figures, which are approximate, and the flag. If the queue does not respond, it is assumed to be behind. */
async function isQueueBehind(deps: Deps): Promise<boolean> {
  try {
    const [marks, size] = await Promise.all([deps.redis.shared.exists(BEHIND), measureQueue(deps)])
    return marks > 0 || (size.messages > 0 && deps.now() - (size.oldestAt ?? 0) >= LATE_MS)
  } catch (error) {
    log('warn', 'usage_queue_unmeasured', errorFields(error))
    return true
  }
}

interface QueueSize {
  readonly messages: number
  /** When the first of them was sent, in Unix milliseconds. */
  readonly oldestAt: number | undefined
}

/** The approximate size of the queue: zero if none is bound. @throws when the queue does not respond */
export async function measureQueue({ usageQueue }: Deps): Promise<QueueSize> {
  if (!usageQueue) return { messages: 0, oldestAt: undefined }
  const metrics = await waitFor(usageQueue.metrics(), METRICS_TIMEOUT_MS)
  if (!metrics) throw new Error('the queue did not answer in time')
  const { backlogCount, oldestMessageTimestamp } = metrics
  const isAgeKnown = backlogCount > 0 && oldestMessageTimestamp !== undefined
  return { messages: backlogCount, oldestAt: isAgeKnown ? Number(oldestMessageTimestamp) : undefined }
}
