import { asList, parseObject } from './json.ts'
import { createEventReader, type StreamEvent } from './sse.ts'
import type { StreamEnd, Watcher } from './tap.ts'
import type { UsageReader } from './usage.ts'

/** A larger response is passed on without being read. */
const MAX_ANSWER = 16 * 1024 * 1024
const NOTHING = new Uint8Array()

/** Watches a response that may be one JSON object. */
export function watchWhole(usage: UsageReader, end: (how: StreamEnd) => void): Watcher {
  const decoder = new TextDecoder()
  let text = ''
  return {
    pass(bytes) {
      if (text.length <= MAX_ANSWER) text += decoder.decode(bytes, { stream: true })
      return bytes
    },
    flush() {
      const body = text.length > MAX_ANSWER ? undefined : parseObject(text + decoder.decode())
      if (body) usage.take(body)
      return NOTHING
    },
    end,
  }
}

/**
 * Watches a response of server-sent events.
 *
 * @param hidesUsage whether the caller did not request the usage event, so that it must be removed
 */
export function watchEvents(usage: UsageReader, hidesUsage: boolean, end: (how: StreamEnd) => void): Watcher {
  const reader = createEventReader()
  const encoder = new TextEncoder()
  const see = (events: readonly StreamEvent[]): Uint8Array => {
    const kept = events.filter((event) => !takeEvent(usage, event))
    return hidesUsage ? encoder.encode(kept.map(({ text }) => text).join('')) : NOTHING
  }
  return {
    pass(bytes) {
      const kept = see(reader.take(bytes))
      return hidesUsage ? kept : bytes
    },
    flush: () => see(reader.end()),
    end,
  }
}

/** @returns whether it is OpenAI's last event, which has the usage and no choices */
function takeEvent(usage: UsageReader, { data }: StreamEvent): boolean {
  const body = data === '' || data === '[DONE]' ? undefined : parseObject(data)
  if (!body) return false
  usage.take(body)
  return Boolean(body.usage) && Array.isArray(body.choices) && asList(body.choices).length === 0
}
