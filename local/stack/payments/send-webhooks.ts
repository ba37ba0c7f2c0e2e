import { setTimeout as wait } from 'node:timers/promises'
import type { Part } from '../memory.ts'

/** The oldest event is dropped when this many are stored. */
const MAX_EVENTS = 500
const MAX_ATTEMPTS = 10
/** Doubled after each failure; at the real providers the first delay is seconds and the last half an hour. */
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 10_000
const TIMEOUT_MS = 10_000

/** An event to send; the signature is created again for each attempt. */
export interface SentEvent {
  /** The same for every attempt. */
  readonly id: string
  readonly type: string
  /** The customer's organization, for tests that look for their own events. */
  readonly organization: string | null
  /** Exactly the bytes that are signed. */
  readonly body: string
  readonly attempts: { readonly at: string; readonly status: number | string }[]
  /** `kept` if there is nobody to send to. */
  state: 'waiting' | 'held' | 'kept' | 'delivered' | 'given up'
}

export type NewEvent = Pick<SentEvent, 'id' | 'type' | 'organization' | 'body'>

interface SenderOptions {
  /** Where events are sent; absent to store them only. */
  readonly url: string | undefined
  /** The headers of one attempt. */
  readonly sign: (event: NewEvent, seconds: number) => Record<string, string>
}

export type Sender = ReturnType<typeof createSender>

/** Sends events in order and retries failed ones, out of order, as providers do. */
export function createSender({ url, sign }: SenderOptions) {
  let events: SentEvent[] = []
  let holding = false
  let queue: Promise<unknown> = Promise.resolve()

  function send(event: NewEvent): void {
    const sent: SentEvent = { ...event, attempts: [], state: url === undefined ? 'kept' : 'waiting' }
    events = [...events, sent].slice(-MAX_EVENTS)
    if (holding) sent.state = 'held'
    else enqueue(sent)
  }

  function enqueue(event: SentEvent): void {
    if (url === undefined) return void (event.state = 'kept')
    event.state = 'waiting'
    queue = firstTry(queue, event)
  }

  async function firstTry(earlier: Promise<unknown>, event: SentEvent): Promise<void> {
    await earlier
    if (!(await attempt(event))) void retry(event)
  }

  async function retry(event: SentEvent): Promise<void> {
    for (let count = 1; count < MAX_ATTEMPTS; count++) {
      await wait(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (count - 1)), undefined, { ref: false })
      if (await attempt(event)) return
    }
    event.state = 'given up'
  }

  async function attempt(event: SentEvent): Promise<boolean> {
    const status = await post(event)
    event.attempts.push({ at: new Date().toISOString(), status })
    const isTaken = typeof status === 'number' && status >= 200 && status < 300
    if (isTaken) event.state = 'delivered'
    return isTaken
  }

  async function post(event: SentEvent): Promise<number | string> {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const init = { method: 'POST', redirect: 'manual', headers: signed(event), body: event.body, signal } as const
      const response = await fetch(url ?? '', init)
      await response.body?.cancel()
      return response.status
    } catch (error) {
      return error instanceof Error ? error.name : 'failed'
    }
  }

  const signed = (event: NewEvent) => ({
    'content-type': 'application/json',
    ...sign(event, Math.floor(Date.now() / 1_000)),
  })

  return {
    send,
    /** Oldest first, each with the headers that an attempt now would have. */
    list: () => events.map((event) => ({ ...event, headers: signed(event) })),
    /** Sends one again, under its own id. @returns false if no event has that id */
    redeliver(id: string): boolean {
      const event = events.find((one) => one.id === id)
      if (event) enqueue(event)
      return event !== undefined
    },
    /** Sends nothing from now on, until `release`. */
    hold: () => void (holding = true),
    /** Sends the held events, newest first. */
    release(): void {
      holding = false
      for (const event of events.filter(({ state }) => state === 'held').toReversed()) enqueue(event)
    },
    /** Settles when everything sent so far has been attempted once. */
    tried: () => queue,
    clear: () => void (events = []),
    /** After a restart, undelivered events are sent again. */
    memory: {
      read: () => events,
      restore(kept) {
        events = kept
        for (const event of events.filter(({ state }) => state === 'waiting' || state === 'held')) enqueue(event)
      },
    } satisfies Part<SentEvent[]>,
  }
}
