import { asList, parseObject } from './json.ts'
import { createMemberReader } from './member-reader.ts'
import { createEventReader, type StreamEvent } from './sse.ts'
import type { StreamEnd, Watcher } from './tap.ts'
import type { UsageReader } from './usage.ts'

/** Responses up to this length are kept and parsed. Of a longer one, only the usage is read while it passes. */
const MAX_KEPT = 64 * 1024
const NOTHING = new Uint8Array()

/** Watches a response that may be one JSON object. */
export function watchWhole(usage: UsageReader, end: (how: StreamEnd) => void): Watcher {
  const decoder = new TextDecoder()
  const members = createMemberReader()
  let kept: string | undefined = ''
  const take = (text: string) => {
    if (kept === undefined) return members.take(text)
    kept += text
    if (kept.length > MAX_KEPT) passKept()
  }
  const passKept = () => {
    members.take(kept ?? '')
    kept = undefined
  }
  return {
    pass(bytes) {
      take(decoder.decode(bytes, { stream: true }))
      return bytes
    },
    flush() {
      take(decoder.decode())
      const body = kept === undefined ? undefined : parseObject(kept)
      if (body) usage.take(body)
      if (body) kept = ''
      return NOTHING
    },
    end(how) {
      passKept() // if the response ended early, its complete members count
      usage.take(members.read())
      end(how)
    },
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
function takeEvent(usage: UsageReader, { body }: StreamEvent): boolean {
  if (!body) return false
  usage.take(body)
  return Boolean(body.usage) && Array.isArray(body.choices) && asList(body.choices).length === 0
}
