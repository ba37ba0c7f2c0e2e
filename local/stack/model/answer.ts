import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type Call, json, parseJson, type Reply } from '../http.ts'
import type { createPromptCache } from './cache.ts'
import type { Calls, Ending, ModelCall } from './calls.ts'
import type { Dialect, Exchange } from './dialect.ts'
import type { createKnobs, Knobs } from './knobs.ts'
import { answerPrompt, type ModelRequest } from './words.ts'

interface Model {
  readonly calls: Calls
  readonly cache: ReturnType<typeof createPromptCache>
  readonly knobs: ReturnType<typeof createKnobs>
}

/** Answers calls of one API, and records the outcome of each. */
export function answerIn(dialect: Dialect, model: Model) {
  return async function answer(call: Call): Promise<Reply> {
    const key = dialect.readKey(call.headers)
    const asked = dialect.parse(parseJson(call.body), call.headers)
    const decided = decide(key, asked, model.knobs.read(call))
    const isStream = 'isStream' in asked && asked.isStream
    const known = {
      path: dialect.path,
      key: key ?? null,
      model: 'model' in asked ? asked.model : null,
      is_stream: isStream,
    }
    if ('refusal' in decided) {
      const [status, message] = decided.refusal
      model.calls.add({ ...known, status, input_tokens: 0 }).ended = 'refused'
      return dialect.fail(status, message)
    }
    const usage = model.cache.read(decided.key, decided.asked)
    const kept = model.calls.add({ ...known, status: 200, input_tokens: usage.input })
    const id = randomUUID().replaceAll('-', '')
    const at = Math.floor(Date.now() / 1000)
    const exchange = { asked: decided.asked, answer: answerPrompt(decided.asked), usage, id, at }
    const sending = { dialect, exchange, kept, knobs: decided.knobs, gone: call.gone }
    return isStream ? { ...STREAM, pieces: streamAnswer(sending) } : wholeAnswer(sending)
  }
}

const STREAM = { status: 200, type: 'text/event-stream; charset=utf-8', body: '' }

interface Wrong {
  readonly wrong: string
}

type Decision =
  | { readonly refusal: readonly [status: number, message: string] }
  | { readonly key: string; readonly asked: ModelRequest; readonly knobs: Knobs }

/** In the order of the providers: first the credential, then the request. */
function decide(key: string | undefined, asked: ModelRequest | Wrong, knobs: Knobs | Wrong): Decision {
  if (key === undefined) return { refusal: [401, 'You did not provide an API key.'] }
  if ('wrong' in knobs) return { refusal: [400, knobs.wrong] }
  const { status } = knobs
  if (status !== undefined) return { refusal: [status, `This status was asked for: ${status}.`] }
  return 'wrong' in asked ? { refusal: [400, asked.wrong] } : { key, asked, knobs }
}

interface Sending {
  readonly dialect: Dialect
  readonly exchange: Exchange
  readonly kept: ModelCall
  readonly knobs: Knobs
  readonly gone: Promise<void>
}

async function wholeAnswer({ dialect, exchange, kept, knobs, gone }: Sending): Promise<Reply> {
  const { outputTokens } = exchange.answer
  const { delay_ms = 0, fail_after = Number.POSITIVE_INFINITY } = knobs
  const hasFailed = fail_after < outputTokens
  const tokens = Math.min(fail_after, outputTokens)
  const isGone = await hasLeft(gone, delay_ms * tokens)
  kept.ended = isGone ? 'hung_up' : hasFailed ? 'failed' : 'complete'
  if (kept.ended === 'complete') kept.output_tokens = outputTokens
  return { ...json(200, dialect.write(exchange)), cut: hasFailed }
}

/** Writes token by token. It stops when the caller disconnects, as the providers do. */
async function* streamAnswer({ dialect, exchange, kept, knobs, gone }: Sending): AsyncGenerator<string> {
  const { delay_ms = 0, fail_after = Number.POSITIVE_INFINITY } = knobs
  let ended: Ending = 'hung_up' // unless it completes
  try {
    for (const { text, tokens } of dialect.stream(exchange)) {
      if (tokens > 0 && kept.output_tokens >= fail_after) {
        ended = 'failed'
        throw new Error('This failure was asked for.')
      }
      if (tokens > 0 && (await hasLeft(gone, delay_ms))) return
      yield text
      kept.output_tokens += tokens
    }
    ended = 'complete'
  } finally {
    kept.ended = ended
  }
}

/** Waits, but no longer than the caller stays connected. */
async function hasLeft(gone: Promise<void>, ms: number): Promise<boolean> {
  if (ms === 0) return false
  return Promise.race([wait(ms, false, { ref: false }), gone.then(() => true)])
}
