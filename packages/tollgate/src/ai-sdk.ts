import type { LanguageModelMiddleware } from 'ai'
import { beginCall, type MeterClient, type MeteredCall, type MeterOptions, partOf, watchStream } from './meter.ts'
import { readText } from './model-text.ts'

export { QuotaExceededError } from './errors.ts'
export type { MeterOptions } from './meter.ts'

type Generate = Parameters<NonNullable<LanguageModelMiddleware['wrapGenerate']>>[0]
type Usage = Awaited<ReturnType<Generate['doGenerate']>>['usage']
type StreamOf<Result> = Result extends { stream: ReadableStream<infer Part> } ? Part : never
type StreamPart = StreamOf<Awaited<ReturnType<Generate['doStream']>>>

/**
 * The middleware that meters a model of the AI SDK: `wrapLanguageModel({ model, middleware: meter(tollgate, { key_id }) })`.
 * Each call holds the tokens that it may use, and settles those that the provider reports. If a stream is given up or breaks,
 * it settles the tokens that came until then. A call throws QuotaExceededError when its tokens are refused.
 */
export function meter(tollgate: MeterClient, options: MeterOptions): LanguageModelMiddleware {
  const begin = ({ params: { prompt, tools, responseFormat, ...params }, model }: Pick<Generate, 'params' | 'model'>) =>
    beginCall(tollgate, options, {
      provider: model.provider.split('.')[0] ?? model.provider, // such as openai.chat
      model: model.modelId,
      prompt: readText({ prompt, tools, responseFormat }),
      maxOutputTokens: params.maxOutputTokens,
      signal: params.abortSignal,
    })
  return {
    specificationVersion: 'v4',
    async wrapGenerate({ doGenerate, params, model }) {
      const call = await begin({ params, model })
      try {
        const result = await doGenerate()
        call.begin()
        for (const part of result.content) if (WRITTEN.has(part.type)) call.say(part)
        report(result.usage, call)
        return result
      } catch (error) {
        if (isAnswered(error)) call.begin()
        throw error
      } finally {
        await call.finish()
      }
    },
    async wrapStream({ doStream, params, model }) {
      const call = await begin({ params, model })
      try {
        const { stream, ...result } = await doStream()
        call.begin()
        return { ...result, stream: watchStream<StreamPart>(stream, call, partReader(call)) }
      } catch (error) {
        if (isAnswered(error)) call.begin()
        await call.finish()
        throw error
      }
    },
  }
}

/** A success that cannot be read, such as one that breaks off. */
const isAnswered = (error: unknown) => (error as { statusCode?: unknown } | undefined)?.statusCode === 200

/** Parts of an answer that the model has written: neither sources, nor results of a provider's tools, nor files. */
const WRITTEN = new Set(['text', 'reasoning', 'tool-call'])

/** A tool call that came in pieces comes once more as a whole. */
function partReader(call: MeteredCall) {
  const inPieces = new Set<string>()
  return function read(part: StreamPart | undefined): StreamPart | undefined {
    if (part?.type === 'tool-input-delta') inPieces.add(part.id)
    if (part && 'delta' in part) call.say(part.delta)
    if (part?.type === 'tool-call' && !inPieces.has(part.toolCallId)) call.say(part)
    if (part?.type === 'finish') report(part.usage, call)
    return part
  }
}

function report({ inputTokens, outputTokens }: Usage, call: MeteredCall): void {
  call.report({
    input_tokens: inputTokens.total,
    output_tokens: outputTokens.total,
    cached_tokens: inputTokens.cacheRead,
    cache_write_tokens: partOf(inputTokens.total, inputTokens.cacheWrite),
  })
}
