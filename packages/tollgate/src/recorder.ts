import type { RecordedUsage, UsageEvent } from './binding-types.ts'
import { isRefused, type TollgateError } from './errors.ts'
import { findProcess, type LostEvent, type OnLost, tellLost, watchExit } from './lost-events.ts'
import type { CallOptions } from './operations.ts'
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

type Send = (events: readonly UsageEvent[], options?: CallOptions) => Promise<RecordedUsage>

/** Collects usage events and sends them in batches, one at a time, until each was acknowledged or refused. */
export class Recorder {
  readonly #send: Send
  readonly #options: RecorderOptions
  #queue: UsageEvent[] = []
  readonly #inFlight = new Map<readonly UsageEvent[], Promise<unknown>>()
  #failures = 0
  #timer: { unref?: () => void } | undefined
  #sending: Promise<void> | undefined

  constructor(send: Send, options: RecorderOptions = {}) {
    this.#send = send
    this.#options = options
  }

  /** Takes events into the queue, each with an id, so that it counts once however often it is sent. */
  record(events: readonly UsageEvent[]): void {
    this.#enqueue(this.#copyAll(events))
  }

  /**
   * Sends events at once. Those that Tollgate is not there for wait in the queue: a process sends them later, or says at
   * its end that they are lost. In a Worker, this request is the last chance, and it sends its own events alone: what
   * another request has begun may never end. Never fails.
   *
   * @param options without them the events go into the queue right away
   */
  async report(events: readonly UsageEvent[], options?: CallOptions): Promise<void> {
    const copies = this.#copyAll(events)
    if (options && !(await this.#trySend(copies, options))) return
    if (findProcess()) return this.#enqueue(copies)
    const error = await this.#trySend(copies)
    if (error) this.#lose(copies, error.code)
  }

  /** Awaits work that counts events. `flush` waits for it, and if the program ends before, the events are lost. */
  track<Result>(events: readonly UsageEvent[], work: Promise<Result>): Promise<Result> {
    if (findProcess()) this.#inFlight.set(events, work)
    this.#watchExit()
    return work.finally(() => {
      this.#inFlight.delete(events)
      this.#watchExit()
    })
  }

  /** What JSON cannot hold is lost. */
  #copyAll(events: readonly UsageEvent[]): UsageEvent[] {
    return events.flatMap((event) => copyEvent(event) ?? (this.#lose([event], 'rejected'), []))
  }

  #enqueue(copies: readonly UsageEvent[]): void {
    const { batchSize = 100, maxQueued = 10_000 } = this.#options
    const room = Math.max(0, maxQueued - this.#queue.length)
    this.#queue.push(...copies.slice(0, room))
    this.#watchExit()
    this.#lose(copies.slice(room), 'queue_full')
    if (this.#queue.length >= batchSize && this.#failures === 0) this.#flushInBackground()
    else this.#startTimer()
  }

  /** Sends all that waits. @throws TollgateError when Tollgate is unavailable; the events stay in the queue */
  async flush(): Promise<void> {
    await Promise.all(this.#inFlight.values())
    await this.#flush()
  }

  /** In a Worker no request waits for what another one has begun. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer as undefined)
    this.#timer = undefined
    if (!this.#sending || !findProcess())
      this.#sending = this.#drain().finally(() => {
        this.#sending = undefined
        this.#startTimer()
      })
    return this.#sending
  }

  #startTimer(): void {
    if (this.#queue.length === 0 || ((this.#timer ?? this.#sending) && findProcess())) return
    const { flushIntervalMs = 1_000 } = this.#options
    const waitMs = Math.min(MAX_BACKOFF_MS, flushIntervalMs * 2 ** this.#failures)
    this.#timer = setTimeout(() => this.#flushInBackground(), waitMs) as { unref?: () => void }
    this.#timer.unref?.() // waiting events do not keep a program alive: it flushes at its end
  }

  /** The events of a failed flush stay in the queue, and the timer repeats it. */
  #flushInBackground(): void {
    this.#flush().catch(() => undefined)
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#sendBatch(takeBatch(this.#queue, this.#options))
      this.#failures = 0
    }
  }

  async #sendBatch(batch: readonly UsageEvent[]): Promise<void> {
    this.#queue = this.#queue.slice(batch.length)
    const error = await this.track(batch, this.#trySend(batch))
    if (!error) return
    this.#queue.unshift(...batch)
    this.#failures++
    this.#watchExit()
    throw error
  }

  /** @returns why Tollgate was not there for the events; undefined if it has taken or refused them */
  async #trySend(batch: readonly UsageEvent[], options?: CallOptions): Promise<TollgateError | undefined> {
    try {
      if (batch.length > 0) tellLost(listLost(batch, await this.#send(batch, options)), this.#options.onLost)
    } catch (failure) {
      const error = toTollgateError(failure)
      if (!isRefused(error)) return error
      this.#lose(batch, error.code)
    }
    return undefined
  }

  #watchExit(): void {
    watchExit(this, this.#queue.length + this.#inFlight.size > 0)
  }

  /** At the end of the program: whatever was not acknowledged. */
  lose(): void {
    this.#lose([...this.#inFlight.keys(), this.#queue].flat(), 'closed')
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
function takeBatch(queue: readonly UsageEvent[], { batchSize = 100 }: RecorderOptions): UsageEvent[] {
  const size = Math.min(1_000, batchSize)
  let bytes = 0
  const end = queue.slice(0, size).findIndex((event) => {
    bytes += JSON.stringify(event).length * 3 // a character has up to three bytes in UTF-8
    return bytes > MAX_BATCH_BYTES
  })
  return queue.slice(0, end < 0 ? size : Math.max(1, end))
}

function listLost(batch: readonly UsageEvent[], { rejected, conflicts }: RecordedUsage): LostEvent[] {
  const uncounted = conflicts.filter(({ index }) => !isSettled(batch[index]))
  const failed = [...rejected, ...uncounted.map(({ index }) => ({ index, code: 'conflict' }))]
  return failed.flatMap(({ index, code }) => (batch[index] ? [{ event: batch[index], reason: code }] : []))
}

/** The id of a reservation conflicts only with its settlement, which has counted although its answer did not arrive. */
const isSettled = (event: UsageEvent | undefined) => event?.id?.startsWith('hold_')
