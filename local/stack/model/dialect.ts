import type { IncomingHttpHeaders } from 'node:http'
import type { Reply } from '../http.ts'
import type { Answer, ModelRequest } from './words.ts'

/** Tokens of the prompt. `input` is all of them; `cacheRead` and `cacheWritten` are parts of it. */
export interface PromptUsage {
  readonly input: number
  readonly cacheRead: number
  readonly cacheWritten: number
}

/** A request with its answer, ready to be serialized. */
export interface Exchange {
  readonly asked: ModelRequest
  readonly answer: Answer
  readonly usage: PromptUsage
  /** Unix time in seconds. */
  readonly at: number
  readonly id: string
}

/** One event of a stream, and how many tokens of the answer are in it. */
export interface Frame {
  readonly text: string
  readonly tokens: number
}

/** The wire format of one API of a provider. */
export interface Dialect {
  readonly path: string
  readonly readKey: (headers: IncomingHttpHeaders) => string | undefined
  /** @returns the request, or what is wrong with it */
  readonly parse: (body: unknown, headers: IncomingHttpHeaders) => ModelRequest | { readonly wrong: string }
  readonly fail: (status: number, message: string) => Reply
  readonly write: (exchange: Exchange) => object
  readonly stream: (exchange: Exchange) => Iterable<Frame>
}

export const readBearer = ({ authorization = '' }: IncomingHttpHeaders): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization)?.[1]

/** An event of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function frame(data: object | string, tokens = 0, event?: string): Frame {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return { text: `${event ? `event: ${event}\n` : ''}data: ${text}\n\n`, tokens }
}
