import * as z from 'zod'
import { type Dialect, type Exchange, type Frame, frame, readBearer } from './dialect.ts'
import { failOpenAi } from './openai-errors.ts'
import type { ModelRequest, Part } from './words.ts'

/** Text, or blocks of text. */
export const Content = z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))]).nullish()
const maxTokens = z.int().min(1).nullish()

const Body = z
  .looseObject({
    model: z.string().min(1),
    messages: z.array(z.looseObject({ role: z.string(), content: Content })).min(1),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
    max_tokens: maxTokens,
    max_completion_tokens: maxTokens,
    n: z.literal(1).nullish(),
    tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).nullish(),
  })
  .refine(({ stream, stream_options }) => stream || !stream_options, {
    message: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
  })

/** OpenAI's Chat Completions API. */
export const openAiChat: Dialect = {
  path: '/model/openai/v1/chat/completions',
  readKey: readBearer,
  parse,
  fail: failOpenAi,
  write,
  stream,
}

function parse(value: unknown): ModelRequest | { wrong: string } {
  const { data: body, error } = Body.safeParse(value)
  if (error) return { wrong: z.prettifyError(error) }
  return {
    model: body.model,
    prompt: body.messages.map(({ role, content }, at) => ({
      role,
      text: readContent(content),
      isBreakpoint: at < body.messages.length - 1,
    })),
    tools: body.tools?.map((tool) => tool.function.name) ?? [],
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    isStream: body.stream ?? false,
    hasUsage: body.stream_options?.include_usage ?? false,
  }
}

export const readContent = (content: z.infer<typeof Content>): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text = '' }) => text).join(' ')

const FINISH = { stop: 'stop', length: 'length', tools: 'tool_calls' } as const

function write(exchange: Exchange): object {
  const { answer } = exchange
  const calls = answer.parts.flatMap((part, index) => (part.type === 'tool' ? [toolCall(exchange, part, index)] : []))
  const text = answer.parts.flatMap((part) => (part.type === 'text' ? part.tokens : [])).join('')
  const message = {
    role: 'assistant',
    content: calls.length > 0 ? null : text,
    refusal: null,
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  const choice = { index: 0, message, logprobs: null, finish_reason: FINISH[answer.ending] }
  return { ...head(exchange, 'chat.completion'), choices: [choice], usage: toUsage(exchange) }
}

const head = ({ id, at, asked }: Exchange, object: string) => ({
  id: `chatcmpl-${id}`,
  object,
  created: at,
  model: asked.model,
})

const toolCall = ({ id }: Exchange, { name, tokens }: Extract<Part, { type: 'tool' }>, index: number) => ({
  id: `call_${id}_${index}`,
  type: 'function',
  function: { name, arguments: tokens.join('') },
})

function toUsage({ answer, usage }: Exchange): object {
  return {
    prompt_tokens: usage.input,
    completion_tokens: answer.outputTokens,
    total_tokens: usage.input + answer.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheRead },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
}

function* stream(exchange: Exchange): Iterable<Frame> {
  const { asked, answer } = exchange
  const known = { ...head(exchange, 'chat.completion.chunk'), ...(asked.hasUsage && { usage: null }) }
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...known,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  })
  yield frame(chunk({ role: 'assistant', content: '' }))
  for (const [index, part] of answer.parts.entries()) {
    if (part.type === 'tool') {
      const call = toolCall(exchange, { ...part, tokens: [] }, index)
      yield frame(chunk({ tool_calls: [{ index, ...call }] }))
    }
    for (const token of part.tokens)
      yield frame(
        chunk(part.type === 'text' ? { content: token } : { tool_calls: [{ index, function: { arguments: token } }] }),
        1,
      )
  }
  yield frame(chunk({}, FINISH[answer.ending]))
  if (asked.hasUsage) yield frame({ ...known, choices: [], usage: toUsage(exchange) })
  yield frame('[DONE]')
}
