/**
 * Writes the messages that isolates sent to the queue (queue.ts). Messages are delivered at least once, in any order, and again until they
 * are acknowledged: when their events are in Postgres, in the spool, or set aside for a person.
 */
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { count, observe } from '../metrics/count.ts'
import { flushWhenDue } from '../metrics/flush.ts'
import type { UsageEvent } from './event.ts'
import { partFlawed } from './quantity-flaws.ts'
import { markBehind, readMessage, sendBodies } from './queue.ts'
import { keepLost, keepUnreadable, trySpool } from './spool.ts'
import { isPermanent, storeEach } from './store.ts'
import { writeUsage } from './write.ts'

/** Larger statements are not cheaper per event, and a statement must end in time. */
const WRITTEN_TOGETHER = 500
/** Maximum seconds until a message is delivered again; the first time it is 2. */
const MAX_PAUSE_SECONDS = 300
/** From this delivery on, a message is sent anew: the platform gives up on it after 100. */
const RENEWED_AT = 50
/** Older events may be missing in counters that Redis lost and that restarted from the sums of Postgres. */
const LATE_MS = 8_000
/** Endpoints are notified only of refusals that are more recent than this. */
const TOLD_WITHIN_MS = 120_000

/** The parts of the platform's types that are used here, so that a test can create them. */
interface Message {
  readonly timestamp: Date
  readonly body: unknown
  /** 1 at the first delivery. */
  readonly attempts: number
  ack(): void
  retry(options: { delaySeconds: number }): void
}

interface Received {
  readonly message: Message
  readonly events: readonly UsageEvent[]
}

/**
 * Writes the events of the messages, up to 500 in a statement. If a store fails, unwritten messages are delivered again
 * later, less and less often. Events that Postgres permanently refuses, or that our own code cannot process, go to the spool, whose job splits the batch.
 */
export async function consumeUsage(deps: Deps, messages: readonly Message[]): Promise<void> {
  const received: Received[] = []
  const putOff: Message[] = []
  for (const message of messages) {
    const outcome = await receive(deps, message)
    if (outcome === 'later') putOff.push(message)
    else if (outcome) received.push({ message, events: outcome })
  }
  const parts = gather(received)
  for (const [at, part] of parts.entries()) {
    if (await writeOrSpool(deps, part)) acknowledge(deps, part)
    else {
      putOff.push(...parts.slice(at).flatMap((rest) => rest.map(({ message }) => message)))
      break // the others would wait for the same store
    }
  }
  await deliverLater(deps, putOff)
  flushWhenDue(deps)
}

/** @returns the events; `later` if the message cannot be read or kept now; undefined if it is finished */
async function receive(deps: Deps, message: Message): Promise<readonly UsageEvent[] | 'later' | undefined> {
  const read = readMessage(message.body)
  if (read === 'other') {
    log('warn', 'usage_message_unread', { attempts: message.attempts }) // a deployment that can read it will get it sooner or later
    return 'later'
  }
  try {
    if (read) {
      await keepLost(deps, read.strays, 'unreadable')
      return read.events
    }
    await keepUnreadable(deps, toText(message))
  } catch (error) {
    log('warn', 'usage_spool_failed', { count: 1, ...errorFields(error) })
    return 'later'
  }
  count('queueMessages', 'set_aside')
  message.ack()
  return undefined
}

const toText = ({ body }: Message) => (typeof body === 'string' ? body : (JSON.stringify(body) ?? String(body)))

/** Groups messages in the order of their delivery, as many as fit into a statement. */
function gather(received: readonly Received[]): Received[][] {
  const parts: Received[][] = []
  let events = Number.POSITIVE_INFINITY
  for (const one of received) {
    events += one.events.length
    if (events > WRITTEN_TOGETHER) {
      parts.push([])
      events = one.events.length
    }
    parts.at(-1)?.push(one)
  }
  return parts
}

/** @returns false if they have to wait */
async function writeOrSpool(deps: Deps, part: readonly Received[]): Promise<boolean> {
  const events = part.flatMap((one) => one.events)
  if (events.length === 0) return true
  try {
    const { sound, lost } = await partFlawed(deps, events)
    const outcomes = await write(deps, sound)
    for (const { event, reason } of lost) await keepLost(deps, [event], reason)
    const refused = sound.filter((_, at) => outcomes[at] === 'refused')
    await keepLost(deps, refused, 'refused by the database')
    const accepted = sound.filter((_, at) => outcomes[at] === 'accepted')
    count('usageEvents', 'written', accepted.length)
    notifyRefusals(deps, accepted)
    return true
  } catch (error) {
    log('warn', 'usage_write_failed', { count: events.length, ...errorFields(error) })
    return isPermanent(error) && trySpool(deps, events)
  }
}

/** Late events are added to the counters that do not include them. The counters have all others since the admission. */
async function write(deps: Deps, events: readonly UsageEvent[]) {
  const isLate = events.some(({ occurred_at }) => deps.now() - Date.parse(occurred_at) > LATE_MS)
  return isLate ? storeEach(deps, events) : (await writeUsage(deps, events)).outcomes
}

function notifyRefusals(deps: Deps, events: readonly UsageEvent[]): void {
  const refusals = events.filter(
    ({ error_code, occurred_at }) =>
      error_code === 'RATE_LIMITED' && deps.now() - Date.parse(occurred_at) < TOLD_WITHIN_MS,
  )
  if (refusals.length > 0) deps.notifyRefusals(refusals)
}

function acknowledge(deps: Deps, part: readonly Received[]): void {
  for (const { message } of part) {
    message.ack()
    observe('queueSeconds', '', Math.max(0, deps.now() - message.timestamp.getTime()) / 1_000)
  }
  count('queueMessages', 'written', part.length)
}

async function deliverLater(deps: Deps, messages: readonly Message[]): Promise<void> {
  if (messages.length === 0) return
  await markBehind(deps)
  count('queueMessages', 'put_off', messages.length)
  for (const message of messages) {
    if (message.attempts >= RENEWED_AT && (await renew(deps, message))) message.ack()
    else message.retry({ delaySeconds: Math.min(MAX_PAUSE_SECONDS, 2 ** message.attempts) })
  }
}

/** Sends a message anew, which restarts the count of its deliveries. */
async function renew({ usageQueue }: Deps, message: Message): Promise<boolean> {
  if (!usageQueue) return false
  try {
    await sendBodies(usageQueue, [toText(message)])
    return true
  } catch (error) {
    log('warn', 'usage_queue_failed', { count: 1, ...errorFields(error) })
    return false
  }
}
