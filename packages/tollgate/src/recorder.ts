import type { RecordedUsage, UsageEvent } from './binding-types.ts'
import { isRefused } from './errors.ts'
import { type LostEvent, type OnLost, tellLost, watchExit } from './lost-events.ts'
import { toTollgateError } from './perform.ts'

export interface RecorderOptions {
  /** Events of one request, up to 1,000. */
  readonly batchSize?: number | undefined
  /** How long an event waits for others. */
  readonly flushIntervalMs?: number | undefined
  /** Events that wait while Tollgate is unavailable. Later ones are lost. */
  readonly maxQueued?: number | undefined
  /** `sync`: acknowledge only what is in the database. */
  readonly durability?: 'spool' | 'sync' | undefined
  /** Gets the events that were not counted. Without it a warning says how many, and why, once a minute for each reason. */
  readonly onLost?: OnLost | undefined
}

/** The server takes 1 MB a request. */
const MAX_BATCH_BYTES = 900_000
const MAX_BACKOFF_MS = 60_000

type Send = (events: readonly UsageEvent[]) => Promise<RecordedUsage>

/** Collects usage events and sends them in batches, one at a time, until each was acknowledged or refused. */
export class Recorder {
  readonly #send: Send
  readonly #options: RecorderOptions
  #queue: UsageEvent[] = []
  #inFlight: readonly UsageEvent[] = []
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #sending: Promise<void> | undefined

  constructor(send: Send, options: RecorderOptions = {}) {
    this.#send = send
    this.#options = options
  }

  /** Takes events into the queue, each with an id, so that it counts once however often it is sent. */
  record(events: readonly UsageEvent[]): void {
    const { batchSize = 100, maxQueued = 10_000 } = this.#options
    const room = Math.max(0, maxQueued - this.#queue.length)
    const copies = events.slice(0, room).map(copyEvent)
    this.#queue.push(...copies.filter((copy) => copy !== undefined))
    this.#watchExit()
    this.#lose(
      events.slice(0, room).filter((_, at) => !copies[at]),
      'rejected',
    )
    this.#lose(events.slice(room), 'queue_full')
    if (this.#queue.length >= batchSize && this.#failures === 0) this.#flushInBackground()
    else this.#startTimer()
  }

  /** Sends all that waits. @throws TollgateError when Tollgate is unavailable; the events stay in the queue */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined
      this.#startTimer()
    })
    return this.#sending
  }

  #startTimer(): void {
    if (this.#timer !== undefined || this.#sending || this.#queue.length === 0) return
    const { flushIntervalMs = 1_000 } = this.#options
    const waitMs = Math.min(MAX_BACKOFF_MS, flushIntervalMs * 2 ** this.#failures)
    this.#timer = setTimeout(() => this.#flushInBackground(), waitMs)
    const { unref } = this.#timer as { unref?: () => void }
    unref?.call(this.#timer) // waiting events do not keep a program alive: it flushes at its end
  }

  /** The events of a failed flush stay in the queue, and the timer repeats it. */
  #flushInBackground(): void {
    this.flush().catch(() => undefined)
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#sendBatch(takeBatch(this.#queue, Math.min(1_000, this.#options.batchSize ?? 100)))
      this.#failures = 0
    }
  }

  async #sendBatch(batch: readonly UsageEvent[]): Promise<void> {
    this.#queue = this.#queue.slice(batch.length)
    this.#inFlight = batch
    try {
      tellLost(listLost(batch, await this.#send(batch)), this.#options.onLost)
    } catch (failure) {
      const error = toTollgateError(failure)
      if (isRefused(error)) return this.#lose(batch, error.code)
      this.#queue = [...batch, ...this.#queue]
      this.#failures++
      throw error
    } finally {
      this.#inFlight = []
      this.#watchExit()
    }
  }

  #watchExit(): void {
    watchExit(this, this.#queue.length + this.#inFlight.length > 0)
  }

  /** At the end of the program: whatever was not acknowledged. */
  lose(): void {
    this.#lose([...this.#inFlight, ...this.#queue], 'closed')
  }

  #lose(events: readonly UsageEvent[], reason: string): void {
    tellLost(
      events.map((event) => ({ event, reason })),
      this.#options.onLost,
    )
  }
}

/** The id makes repeats count once, and the time is that of the use, not of its report. */
export const completeEvent = (event: UsageEvent): UsageEvent => ({
  ...event,
  id: event.id ?? crypto.randomUUID(),
  timestamp: event.timestamp ?? new Date().toISOString(),
})

/** @returns a copy that whoever recorded it cannot change any more; undefined if JSON cannot hold the event */
function copyEvent(event: UsageEvent): UsageEvent | undefined {
  try {
    return JSON.parse(JSON.stringify(completeEvent(event))) as UsageEvent
  } catch {
    return undefined // a BigInt or a cycle would fail each time, and keep all others back
  }
}

/** @returns the first events that fit into one request, at least one */
function takeBatch(queue: readonly UsageEvent[], size: number): UsageEvent[] {
  let bytes = 0
  const end = queue.slice(0, size).findIndex((event) => {
    bytes += JSON.stringify(event).length * 3 // a character has up to three bytes in UTF-8
    return bytes > MAX_BATCH_BYTES
  })
  return queue.slice(0, end < 0 ? size : Math.max(1, end))
}

function listLost(batch: readonly UsageEvent[], { rejected, conflicts }: RecordedUsage): LostEvent[] {
  const reasons = [
    ...rejected.map(({ index, code }) => [index, code] as const),
    ...conflicts.map(({ index }) => [index, 'conflict'] as const),
  ]
  return reasons.flatMap(([index, reason]) => (batch[index] ? [{ event: batch[index], reason }] : []))
}
