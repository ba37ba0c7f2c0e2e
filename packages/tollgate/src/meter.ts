/** What all wrappers of language models share: what a call is expected to use, what it used, and how it is settled. */
import type { ReserveInput } from './binding-types.ts'
import type { Tollgate } from './client.ts'
import { QuotaExceededError } from './errors.ts'
import { type ModelText, readText } from './model-text.ts'
import type { WaitUntil } from './protect.ts'
import { type Hold, hold, type WorkUse } from './reservation.ts'

/** A client, over HTTP or a binding. */
export type MeterClient = Pick<Tollgate, 'usage'>

/** Whose use it is, and how it is counted. Give a key, an organization, or your own id of one. */
export interface MeterOptions
  extends Pick<ReserveInput, 'key_id' | 'organization_id' | 'external_id' | 'expires_in_seconds'> {
  /** More about the use, for statistics, such as the `request_id` of the verdict that admitted it. */
  readonly details?: Omit<WorkUse, 'provider' | 'model' | `${string}tokens` | `${string}_tokens`> | undefined
  /** The name under which the price of a model is found. By default that of the wrapped client. */
  readonly provider?: string | undefined
  /** Counts the tokens of a text, for what the provider does not report: a quarter of its bytes by default. */
  readonly countTokens?: ((text: string) => number) | undefined
  /** Tokens of the answer to reserve where the call sets no limit: 4,096 by default. */
  readonly maxOutputTokens?: number | undefined
  /** Keeps the settlement alive after the answer, as Workers need it. */
  readonly waitUntil?: WaitUntil | undefined
  /** What happens while Tollgate cannot hold units: `deny` (the default) throws, `allow` calls the model and records its use. */
  readonly onUnavailable?: 'allow' | 'deny' | undefined
  /** The trace that the reservation and its settlement belong to, over HTTP. */
  readonly traceparent?: string | undefined
}

/** A call, as it is read before it is sent. */
export interface PlannedCall {
  readonly provider: string
  /** Undefined where the call leaves it to the provider, whose answer names it. */
  readonly model: string | undefined
  readonly prompt: ModelText
  /** Of each answer. */
  readonly maxOutputTokens: number | undefined
  /** 1 by default. */
  readonly answers?: number | undefined
  readonly signal: AbortSignal | undefined
}

const USUAL_OUTPUT_TOKENS = 4_096
const BYTES_PER_TOKEN = 4
/** For a picture, an audio clip or another file of a prompt. */
const TOKENS_PER_FILE = 1_600

const guessTokens = (text: string): number => Math.ceil(new TextEncoder().encode(text).length / BYTES_PER_TOKEN)

type SentCall = Pick<PlannedCall, 'model' | 'signal'> & { readonly inputTokens: number }

/** A call whose units are held. It counts what the model says until the provider reports its usage. */
export class MeteredCall {
  readonly #held: Hold
  readonly #countTokens: (text: string) => number
  readonly #signal: AbortSignal | undefined
  #model: string | undefined
  #ended: (() => void) | undefined
  #inputTokens: number
  #texts: string[] | undefined
  #reported: WorkUse = {}
  #finished: Promise<void> | undefined

  constructor(held: Hold, sent: SentCall, { countTokens = guessTokens, waitUntil }: MeterOptions) {
    this.#held = held
    this.#model = sent.model
    this.#inputTokens = sent.inputTokens
    this.#countTokens = countTokens
    this.#signal = sent.signal
    waitUntil?.(new Promise<void>((resolve) => (this.#ended = resolve)))
    this.#signal?.addEventListener('abort', this.#abort)
  }

  /** The call was sent by then, and the provider has the prompt. */
  readonly #abort = (): void => {
    this.begin()
    void this.finish()
  }

  /** The provider has accepted the call: from here on, the prompt counts. */
  begin(): void {
    this.#texts ??= []
  }

  /** A piece of the answer: all of its texts count. */
  say(piece: unknown): void {
    for (const text of readText(piece).texts) this.#texts?.push(text)
  }

  /** Which model answers: it counts where the call names none. */
  nameModel(model: unknown): void {
    if (typeof model === 'string') this.#model ??= model
  }

  /** What the provider reports. A later report replaces the counts of an earlier one. */
  report(used: WorkUse): void {
    const known = Object.entries(used).filter(([, value]) => typeof value === 'number')
    this.#reported = { ...this.#reported, ...Object.fromEntries(known) }
  }

  /** Settles once, whoever ends the call first. With `waitUntil` the caller does not wait for it. */
  async finish(): Promise<void> {
    this.#finished ??= this.#settle()
    if (!this.#ended) await this.#finished
  }

  #settle(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort)
    if (this.#texts)
      this.#held.use({
        ...(this.#model !== undefined && { model: this.#model }),
        input_tokens: this.#inputTokens,
        output_tokens: this.#countTokens(this.#texts.join('')),
        ...this.#reported,
      })
    return this.#held.settle().finally(() => this.#ended?.())
  }
}

/**
 * Holds what a call of a model is expected to use.
 *
 * @throws QuotaExceededError if that is refused; TollgateError if it cannot be decided
 */
export async function beginCall(
  { usage }: MeterClient,
  options: MeterOptions,
  { prompt, signal, ...planned }: PlannedCall,
): Promise<MeteredCall> {
  const { key_id, organization_id, external_id, expires_in_seconds, onUnavailable, details = {} } = options
  const { traceparent, countTokens = guessTokens } = options
  const { maxOutputTokens = options.maxOutputTokens ?? USUAL_OUTPUT_TOKENS, answers = 1 } = planned
  const input_tokens = countTokens(prompt.texts.join('\n')) + prompt.files * TOKENS_PER_FILE
  const amounts = { input_tokens, output_tokens: maxOutputTokens * answers }
  const { model } = planned
  const named = { provider: options.provider ?? planned.provider, ...(model !== undefined && { model }) }
  const input = { key_id, organization_id, external_id, expires_in_seconds, ...named, ...amounts }
  const held = await hold(usage, input, { onUnavailable, signal, traceparent })
  if (!held.granted) throw new QuotaExceededError(held)
  held.use(details)
  return new MeteredCall(held, { model, signal, inputTokens: input_tokens }, options)
}

/** @returns a part of a count, at most the whole: contradictory usage would not be counted. Undefined for none */
export const partOf = (whole: unknown, part: unknown): number | undefined =>
  typeof whole === 'number' && typeof part === 'number' && part > 0 ? Math.min(part, whole) : undefined

/**
 * Passes a stream on and looks at its chunks. The call is finished when the stream ends, fails or is given up.
 *
 * @param look gives the chunk to pass on; undefined withholds it. At the end it is asked for the rest, with undefined
 */
export function watchStream<Chunk>(
  source: ReadableStream<Chunk>,
  call: MeteredCall,
  look: (chunk: Chunk | undefined) => Chunk | undefined,
): ReadableStream<Chunk> {
  const reader = source.getReader()
  async function pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read()
      const chunk = look(value)
      if (chunk !== undefined) controller.enqueue(chunk)
      if (done) {
        await call.finish()
        return controller.close()
      }
      if (chunk !== undefined) return
    }
  }
  return new ReadableStream<Chunk>(
    {
      pull: (controller) =>
        pull(controller).catch(async (error) => {
          await call.finish()
          throw error
        }),
      async cancel(reason) {
        await Promise.all([reader.cancel(reason), call.finish()])
      },
    },
    { highWaterMark: 0 },
  )
}
